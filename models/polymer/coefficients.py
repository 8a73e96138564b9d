"""Rate coefficients of the polymerization, line by line in ``coefficients.json``, or a lab's own in a file of the same form."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Self

import numpy as np

from models.faults import Fault
from models.surrogate import FloatArray

GAS = 8.314462618e-3
"""Gas constant in kJ/mol/K."""
ZERO = 273.15
"""0 C in K."""
RECIPE = ("cBA_0", "cAIBN_0", "temp", "time")
"""Columns of a recipe: monomer and initiator in mol/L, temperature in C, time in s."""
SHARES = ("order_short", "order_long", "dss", "dst", "dtt", "f")
"""Numbers that lie between 0 and 1, ends included."""
_MAY_BE_0 = ("dss", "dst", "dtt", "order_short", "order_long", "kbb", "kb", "ktrM", "Cs", "ktrP", "macro", "kst", "ktt")


class BadPolymer(Fault):
    """A recipe, a coefficient or a target that makes no sense.

    Attributes:
        row: Of a recipe at fault.
    """

    def __init__(self, message: str, field: str, remedy: str, row: int | None = None) -> None:
        super().__init__(message, field, remedy)
        self.row = row

    def __reduce__(self) -> tuple[Any, ...]:
        """With the row."""
        made, told = super().__reduce__()
        return made, (*told, self.row)


@dataclass(frozen=True)
class Rate:
    """``value`` exp(-``energy``/RT), the energy in kJ/mol; or the value at the temperature ``reference`` in C, and from there."""

    value: float
    energy: float = 0.0
    reference: float | None = None

    def at(self, kelvin: FloatArray) -> FloatArray:
        """The coefficient at temperatures in K, in its shape."""
        origin = 0.0 if self.reference is None else 1 / (self.reference + ZERO)
        return np.asarray(self.value * np.exp(-self.energy / GAS * (1 / kelvin - origin)))


@dataclass(frozen=True, eq=False)
class Coefficients:
    """All coefficients of the scheme, and where they hold.

    Attributes:
        rates: By the names of ``coefficients.json``.
        ranges: Lowest and highest value of each of ``RECIPE``.
        system: What polymerizes.
    """

    rates: Mapping[str, Rate]
    ranges: Mapping[str, tuple[float, float]]
    system: str = ""

    def __post_init__(self) -> None:
        for name, rate in self.rates.items():
            if not np.isfinite([rate.value, rate.energy]).all() or rate.value < 0 or (rate.value == 0 and name not in _MAY_BE_0):
                raise BadPolymer(f"{rate.value} is no coefficient", name, "give a finite number above 0")
            if name in SHARES and rate.value > 1:
                raise BadPolymer(f"{rate.value} is above 1", name, "give a share from 0 to 1")
        for name, (low, high) in self.ranges.items():
            if not 0 < low < high < np.inf:
                raise BadPolymer(f"{low} to {high} is no range", name, "give two increasing numbers above 0")

    def number(self, name: str) -> float:
        """A coefficient that does not depend on temperature."""
        return self.rates[name].value

    @property
    def pure(self) -> float:
        """Monomer in mol/L without solvent."""
        return self.number("monomer_density") / self.number("monomer_mass")

    def at(self, kelvin: FloatArray) -> dict[str, FloatArray]:
        """Every coefficient at temperatures in K, in their shape."""
        return {name: rate.at(kelvin) for name, rate in self.rates.items()}

    def changed(self, **values: float | Rate) -> Self:
        """The same with other coefficients; a number keeps the energy.

        Raises:
            BadPolymer: There is no such coefficient, or it makes no sense.
        """
        for name in values:
            if name not in self.rates:
                raise BadPolymer("there is no such coefficient", name, f"name one of: {', '.join(self.rates)}")
        new = {name: v if isinstance(v, Rate) else replace(self.rates[name], value=float(v)) for name, v in values.items()}
        return replace(self, rates={**self.rates, **new})


@cache
def published() -> Coefficients:
    """The coefficients that come with the package."""
    return _parse(json.loads(files("models.polymer").joinpath("coefficients.json").read_text()))


def load(path: Path) -> Coefficients:
    """A lab's own coefficients, in a file of the form of ``coefficients.json``; what it leaves out is as published.

    Raises:
        BadPolymer: The file is no such document, or a line of it is unknown or makes no sense.
    """
    try:
        own = _parse(json.loads(path.read_text()))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, BadPolymer):
            raise
        raise BadPolymer(f"not readable: {error}", str(path), "follow models/polymer/coefficients.json") from error
    ours = published()
    for name in (*own.rates, *own.ranges):
        if name not in ours.rates and name not in ours.ranges:
            raise BadPolymer("there is no such coefficient", name, f"name one of: {', '.join(ours.rates)}")
    return Coefficients({**ours.rates, **own.rates}, {**ours.ranges, **own.ranges}, own.system)


def _parse(document: dict[str, Any]) -> Coefficients:
    if document["version"] != 1:
        raise BadPolymer(f"{document['version']} is not known", "version", "write version 1")
    for line in document["coefficients"]:
        if not line.get("source"):
            raise BadPolymer("nobody can tell where it comes from", str(line["name"]), "give its source")
    rates = {x["name"]: _rate(x) for x in document["coefficients"]}
    ranges = {x["name"]: (float(x["low"]), float(x["high"])) for x in document.get("ranges", [])}
    return Coefficients(rates, ranges, str(document["system"]))


def _rate(line: dict[str, Any]) -> Rate:
    reference = line["reference"]
    return Rate(float(line["value"]), float(line["energy"]), None if reference is None else float(reference))
