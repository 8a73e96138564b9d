"""The part of the client that simulates scattering, and has models read measured curves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypedDict

from closedloop.connection import Connection, path_of

if TYPE_CHECKING:
    from closedloop.studies import Figure
    from closedloop.surrogates import Verdict

Unit = Literal["1/Angstrom", "1/nm"]
Status = Literal["inside", "edge", "outside"]


class Particle(TypedDict):
    """The mean particle of a sample, lengths in Angstrom, and its intensities along the axis."""

    atoms: int
    distance: float
    circumscribed: float
    gyration: float
    intensity: list[float]


class Scattered(TypedDict):
    """What samples scatter; ``axis`` is q in 1/Angstrom."""

    axis: list[float]
    particles: list[Particle]


class Estimate(TypedDict):
    """A number with its interval; ``source`` says whether the model tells it, or what it follows from."""

    value: float
    low: float
    high: float
    source: str


class Radius(Estimate):
    """A radius in one of two units."""

    kind: Literal["circumscribed", "volume_equivalent", "gyration"]
    unit: Literal["Angstrom", "nm"]


class ShapeTold(TypedDict):
    """The most probable shape, and the probabilities of all."""

    best: str
    probabilities: dict[str, float]


class Measured(TypedDict):
    """The curve as it was read: ends in 1/Angstrom, unit of q in the file, and factor over the nearest known curve."""

    points: int
    low: float
    high: float
    unit: Unit
    factor: float


class Guinier(TypedDict):
    """A fit of Guinier's law: radius of gyration in Angstrom, ends of the fit in 1/Angstrom."""

    rg: float
    rg_nm: float
    rg_std: float
    intensity: float
    low: float
    high: float
    points: int
    linearity: float


class CurveCheck(TypedDict):
    """A figure of the curve, held against what the model was trained on."""

    name: Literal["coverage", "noise", "library"]
    status: Status
    value: float
    limit: float


class CurveValidity(TypedDict):
    """How far the answer can be trusted: the worst of all checks."""

    status: Status
    model: Verdict
    checks: list[CurveCheck]


class Neighbour(TypedDict):
    """A known curve beside the measured one."""

    row: int
    fields: dict[str, float | str]
    factor: float
    residual: float


class Reading(TypedDict):
    """What a model tells of a measured curve; None what neither it tells nor follows."""

    surrogate: str
    level: float
    measured: Measured
    shape: ShapeTold | None
    atoms: Estimate | None
    size: Estimate | None
    radii: list[Radius]
    distance: dict[str, Any] | None
    guinier: Guinier | None
    validity: CurveValidity
    nearest: list[Neighbour]
    flags: list[str]
    figures: list[Figure]


class Scattering(Connection):
    """Simulates what nanoparticles scatter, and reads measured curves; nothing is stored."""

    def simulate_scattering(
        self, samples: Iterable[Mapping[str, Any]], axis: Mapping[str, float] | None = None, seed: int = 0, *, divided: bool = False
    ) -> Scattered:
        """X-ray scattering of nanoparticles by Debye's equation.

        Args:
            samples: Each with ``shape``, ``size``, ``composition`` such as ``Au0.7Ag0.3``, and ``biso``, ``strain``, ``noise`` and
                what else ``SampleIn`` at ``/docs`` has.
            axis: ``low``, ``high`` and ``step`` of q in 1/Angstrom; 0.01 to 19.99 when None.
            seed: Of the noise.
            divided: Whether intensities are divided by the mean squared form factor.

        Raises:
            InvalidInput: Names the sample and the quantity at fault.
        """
        body = {"samples": [dict(sample) for sample in samples], "axis": dict(axis or {}), "seed": seed, "divided": divided}
        return self._send("POST", "/simulate/scattering", body=body)

    def structure(
        self, sample: Mapping[str, Any], format: Literal["xyz", "cif"] = "xyz", seed: int = 0, path: str | Path | None = None
    ) -> str:
        """The atoms of a particle as an XYZ or CIF file.

        Args:
            sample: See ``simulate_scattering``.
            format: Kind of file.
            seed: Of which atom of an alloy is which.
            path: Where the file is written too, if anywhere.
        """
        body = {"sample": dict(sample), "format": format, "seed": seed}
        text = self._transport.send("POST", "/simulate/scattering/structure", body=body).text
        if path is not None:
            Path(path).write_text(text, encoding="utf-8")
        return text

    def read_curve(
        self,
        id: str,
        q: Iterable[float],
        intensity: Iterable[float],
        unit: Unit,
        *,
        sigma: Iterable[float] | None = None,
        **wanted: Any,
    ) -> Reading:
        """What a model tells of a measured scattering curve: shape, atoms, size, radii, and how far that can be trusted.

        Args:
            id: A model that was trained on scattering curves.
            q: Increasing.
            intensity: As many, in any unit.
            unit: Of q.
            sigma: Standard deviations of the intensities, where they are known.
            wanted: ``composition``, which models of divided curves and of invariants need, ``absolute``, ``missing`` and
                ``nearest``; see ``CurveIn`` at ``/docs``.

        Raises:
            InvalidInput: The curve is on another range than the model, or is none; the remedy says what to do.
            Conflict: The model is not trained, or is of another kind.
        """
        curve = {"q": list(q), "intensity": list(intensity), "unit": unit, **wanted}
        body = curve if sigma is None else curve | {"sigma": list(sigma)}
        return self._send("POST", f"{path_of('surrogates', id)}/curve", body=body)

    def read_curve_file(self, id: str, path: str | Path, unit: Unit | None = None, **wanted: Any) -> Reading:
        """The same of a file: text of 2 to 4 columns, or NXcanSAS.

        Args:
            id: The model.
            path: The file.
            unit: Of q, where the file does not tell it.
            wanted: See ``read_curve``.
        """
        file = Path(path)
        params = wanted if unit is None else {"unit": unit, **wanted}
        parts = {"file": (file.name, file.read_bytes())}
        return self._send("POST", f"{path_of('surrogates', id)}/curve/file", params=params, files=parts)
