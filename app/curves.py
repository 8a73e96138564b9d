"""Measured scattering curves and trained models: read, checked, asked, and told in numbers that people use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from app import datasets, surrogates
from app.predicting import Held, Models
from app.problems import Conflict
from app.scattering import explained
from app.schemas.scattering import AskIn, CurveOut, CurveValidity, GuinierOut, MeasuredOut, NeighbourOut, RadiusOut, ShapeOut
from app.schemas.studies import FigureOut
from app.schemas.surrogates import VerdictOut
from db.engine import Database
from models.region import Verdict
from models.scattering import curve_figures, elements
from models.scattering.dataset import TARGETS
from models.scattering.formula import composition
from models.scattering.freed import freed
from models.scattering.guinier import guinier
from models.scattering.invariant import AXES
from models.scattering.neighbours import Library
from models.scattering.reader import BadCurve, Curve, Unit, read_ascii, read_nxcansas
from models.scattering.reading import Ask, Ready, ready
from models.scattering.sizing import Sizes, sizes_of
from models.surrogate import FloatArray
from models.table import Field, Table
from models.task import Block
from models.trained import LEVEL, Answer
from optimizer.types import InvalidInput

_KEPT = 4
"""Libraries that are kept at hand, of up to 50 MB each."""
_HDF5 = b"\x89HDF\r\n\x1a\n"
_BUILD = "the builder scattering makes them with invariants: true"
_ORDER = ("inside", "edge", "outside")


class Known(NamedTuple):
    """What a model was trained on: its curves, what else is known of them, and the noise that it was trained to stand."""

    library: Library
    fields: tuple[Field, ...]
    noise: float


class Curves:
    """Asks models about measured curves.

    Args:
        database: Where the data sets are.
        models: Whom to ask.
    """

    def __init__(self, database: Database, models: Models) -> None:
        self._database, self._models = database, models
        self._known_to = lru_cache(maxsize=_KEPT)(self._load)  # what a trained model knows never changes

    def read(self, id: str, curve: Curve, wanted: AskIn) -> CurveOut:
        """What a model tells of a curve.

        Raises:
            NotFound: There is no such model.
            Conflict: It is not trained, or is no model of scattering curves.
            InvalidInput: The curve does not fit the model, or the composition is none or missing.
        """
        held = self._models.held(id)
        seen = _seen(id, held)
        known = self._known_to(id, _compared(seen))
        made_of = None
        if wanted.composition is not None:
            with explained("composition"):
                made_of = composition(wanted.composition)
        ask = Ask(made_of, wanted.absolute, wanted.missing, wanted.nearest)
        with explained():
            found, axis, values = _ready(curve, seen, known, ask)
        answers, verdicts = self._models.ask(held, _asked(held, values, wanted.composition))
        told = {answer.block.name: answer for answer in answers}
        return _told(id, axis, known, found, ask, told, verdicts[0])

    def _load(self, id: str, name: str) -> Known:
        with self._database.read() as session:
            row = surrogates.find(session, id)
            data = datasets.find(session, row.dataset_id, row.dataset_version)
            table, settings, source = datasets.table_of(data), row.spec["settings"], data.source
        axes = {field.name: field.axis for field in table.fields}
        if name in AXES and not np.array_equal(axes.get(name, ()), AXES[name][0]):
            raise Conflict(f"the data set of {id!r} has no {name} curves as {_BUILD}, to compare with: train on such a data set")
        curves = table[name].values
        if curves.min() <= 0:
            raise Conflict(f"the data set of {id!r} has intensities that are not positive: such curves cannot be compared")
        noise = max(float(part.get("noise") or 0.0) for part in (settings, source))
        return Known(Library.of(curves), tuple(field for field in table.fields if field.kind in ("number", "category")), noise)


def read_file(content: bytes, unit: Unit | None) -> Curve:
    """The curve of a file: NXcanSAS, or else text of 2 to 4 columns.

    Raises:
        BadCurve: It holds none.
    """
    if not content.startswith(_HDF5):
        try:
            return read_ascii(content.decode("utf-8-sig"), unit)
        except UnicodeDecodeError as error:
            raise BadCurve(f"byte {error.start} is no UTF-8 text", "file", "send columns as text, or NXcanSAS") from error
    try:
        return read_nxcansas(content, unit)
    except BadCurve:
        raise
    except ModuleNotFoundError as error:
        raise BadCurve("this service reads no HDF5", "file", "send columns as text, or install closedloop[scattering] there") from error
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, AttributeError) as error:  # what h5py says of damaged files
        raise BadCurve(
            "the HDF5 file is damaged, or is laid out in another way", "file", "export the curve as NXcanSAS, or as text"
        ) from error


def _seen(id: str, held: Held) -> tuple[Block, ...]:
    """The curves that a model of scattering curves sees: one over q, or those that are left of it without elements and size.

    Raises:
        Conflict: It sees something else.
    """
    freed_of = [block for block in held.task.inputs if block.name in AXES and block.axis == tuple(AXES[block.name][0].tolist())]
    plain = [block for block in held.task.inputs if block.kind == "curve" and block.axis_unit == "1/Angstrom"]
    curves = [block for block in held.task.inputs if block in freed_of + plain]
    others = [block.name for block in held.task.inputs if block not in curves and (block.name, block.kind) != ("element", "category")]
    mixed = len(plain) > 1 or (freed_of and any(block.unit != "electrons^2" for block in plain))
    if not curves or mixed or others or not {block.name for block in held.task.targets} & set(TARGETS):
        fault = f"{id!r} is no model of scattering curves alone: it sees {', '.join(block.name for block in held.task.inputs)}"
        remedy = f"train one from intensity, or from {', '.join(AXES)} as {_BUILD}, to {', '.join(TARGETS)}, or ask it by POST predict"
        raise Conflict(f"{fault}; {remedy}")
    return tuple(curves)


def _compared(seen: Sequence[Block]) -> str:
    """The field of known curves that a measured one is held against."""
    return "reduced" if any(block.name in AXES for block in seen) else seen[0].name


def _ready(curve: Curve, seen: Sequence[Block], known: Known, ask: Ask) -> tuple[Ready, FloatArray, list[Field]]:
    """The curve beside the known ones, its axis there, and what the model sees of it."""
    if _compared(seen) in AXES:
        found = freed(curve, {block.name: np.array(block.axis) for block in seen}, known.library, known.noise, ask)
        beside, axis, values = found.ready, found.axis, found.values
    else:
        axis = np.array(seen[0].axis)
        beside = ready(curve, axis, known.library, seen[0].unit == "1", known.noise, ask)
        values = {seen[0].name: beside.values}
    return beside, axis, [Field(one.name, values[one.name][None], one.unit, np.array(one.axis), one.axis_unit) for one in seen]


def _asked(held: Held, curves: Sequence[Field], formula: str | None) -> npt.NDArray[Any]:
    """Curves as the learner sees them, beside the element where it wants that."""
    fields = list(curves)
    for other in held.task.inputs:
        if other.kind == "category":
            if formula not in other.classes:
                fault = f"the model wants to know the element, and knows no {formula}" if formula else "the model wants to know the element"
                raise InvalidInput(fault, where=("composition",), remedy=f"name one of: {', '.join(other.classes)}")
            fields.append(Field(other.name, np.array([other.classes.index(formula)]), classes=other.classes))
    return held.task.X(Table(tuple(fields)))


def _told(id: str, axis: FloatArray, known: Known, found: Ready, ask: Ask, answers: Mapping[str, Answer], verdict: Verdict) -> CurveOut:
    nearest = [NeighbourOut(**asdict(one), fields=_fields(known, one.row)) for one in found.nearest]
    shape = _shape(answers.get("shape"))
    likely = shape.best if shape else nearest[0].fields.get("shape")
    distance = _distance(ask, nearest[0])
    sizes = sizes_of(answers, str(likely) if likely else None, distance and distance["value"])
    law, figures, flags = _guinier(found.curve)
    label = ", ".join(str(value) for value in (nearest[0].fields.get(name) for name in ("structure", "element")) if value)
    drawn = curve_figures.fit(found, axis, known.library, label or f"row {nearest[0].row}")
    return CurveOut(
        surrogate=id,
        level=LEVEL,
        measured=MeasuredOut(
            points=len(found.curve.q), low=found.curve.q[0], high=found.curve.q[-1], unit=found.curve.unit, factor=nearest[0].factor
        ),
        shape=shape,
        atoms=sizes.atoms and asdict(sizes.atoms),
        size=sizes.size and asdict(sizes.size),
        radii=_radii(sizes),
        distance=distance,
        guinier=law,
        validity=_validity(found, verdict),
        nearest=nearest,
        flags=[*found.flags, *flags],
        figures=[FigureOut(name="fit", title="Measured curve, and the nearest known one", figure=drawn), *figures],
    )


def _shape(answer: Answer | None) -> ShapeOut | None:
    if answer is None or answer.block.kind != "category":
        return None
    shares, classes = answer.mean[0], answer.block.classes
    return ShapeOut(best=classes[int(shares.argmax())], probabilities=dict(zip(classes, shares.tolist(), strict=True)))


def _fields(known: Known, row: int) -> dict[str, float | str]:
    return {f.name: f.classes[f.values[row]] if f.classes else float(f.values[row]) for f in known.fields}


def _distance(ask: Ask, nearest: NeighbourOut) -> dict[str, Any] | None:
    """Of nearest neighbours: of what the particles are made of or, where that is not told, of the nearest known curve."""
    if ask.composition is not None:
        return {"value": elements.distance(ask.composition), "source": "composition"}
    element = nearest.fields.get("element")
    known = elements.DISTANCES.get(str(element))
    return None if known is None else {"value": known, "source": "nearest known curve"}


def _radii(sizes: Sizes) -> list[RadiusOut]:
    units = (("Angstrom", 1.0), ("nm", 0.1))
    return [
        RadiusOut(kind=kind, unit=unit, value=one.value * scale, low=one.low * scale, high=one.high * scale, source=one.source)
        for kind, one in sizes.radii.items()
        for unit, scale in units
    ]


def _guinier(curve: Curve) -> tuple[GuinierOut | None, list[FigureOut], list[str]]:
    """Guinier's law on a curve with its figure, or why there is none."""
    try:
        law = guinier(curve)
    except BadCurve as error:
        return None, [], [f"no radius of gyration by Guinier's law: {error.message}; {error.remedy}"]
    told = GuinierOut(**asdict(law), rg_nm=law.rg / 10, linearity=curve_figures.linearity(curve, law))
    return told, [FigureOut(name="guinier", title="Guinier's plot", figure=curve_figures.guinier_plot(curve, law))], []


def _validity(found: Ready, verdict: Verdict) -> CurveValidity:
    worst = max((verdict.status, *(check.status for check in found.checks)), key=_ORDER.index)
    return CurveValidity(status=worst, model=VerdictOut(**vars(verdict)), checks=[asdict(check) for check in found.checks])
