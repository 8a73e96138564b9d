"""The published programme on size and shape from scattering, made once more: its figures beside ours."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from models.corruption import Noise
from models.robustness import MODES, Row
from models.scattering.curves import Q, Sample, intensity
from models.scattering.dataset import TARGETS
from models.scattering.presets import NOISE
from models.scattering.reader import BadCurve, Curve, resampled
from models.scattering.trials import BOUNDS, PARTS, ROBUST, Result, Trial, corruptions
from models.surrogate import FloatArray

Done = Mapping[Trial, Result]
_CUBE = (8760072.0, 8737556.0, 8700139.0)
"""Intensities of the cube of 63 silver atoms at q = .01, .02, .03 1/Angstrom and Biso .1, as the published generator prints them."""
_NUMBERS = TARGETS[1:]
_RIDGE: Mapping[str, tuple[tuple[float, float], ...]] = {
    "all angles": ((0.00015, 0.999), (0.846, 0.881), (0.310, 0.554)),
    "small angles": ((0.0300, 0.9904), (2.1451, 0.6966), (0.6271, 0.1170)),
    "wide angles": ((0.1152, 0.9629), (2.0095, 0.7158), (0.3200, 0.5496)),
}
"""Published MSE and Q2 of ridge regression, per number."""
_VARIANCES = (3.196, 7.106, 0.695)
"""Published variances of the numbers held out."""
_LOGISTIC = {"all angles": 0.994, "small angles": 0.59, "wide angles": 0.90}
_CNN_SHAPE = {"all angles": 0.96, "small angles": 0.88, "wide angles": 0.84}
_CNN_SIZE = {"all angles": 0.91, "small angles": 0.86, "wide angles": 0.82}
"""Published shares of right shapes, and of right sizes."""
_CNN_BOUNDS = 0.17
"""Published share of right shapes of curves on other bounds, predict only."""
_WEIGHTS = 128 + 6208 + 286857
"""Of the published network."""
_CURVES = 5508
"""That have to be simulated in a minute of one core."""
_LEAST = {"log_n_Atoms": 0.999, "sqrt_log_eq_radius": 0.98}
"""Wanted Q2 of ridge regression at all angles."""


@dataclass(frozen=True)
class Line:
    """A figure.

    Attributes:
        name: What was measured.
        seed: As published, None where nothing was.
        ours: As measured here.
        target: The least that is wanted, None where nothing is.
    """

    name: str
    seed: float | None
    ours: float
    target: float | None = None

    @property
    def met(self) -> bool | None:
        """Whether it is what is wanted."""
        return None if self.target is None else self.ours >= self.target


def lines(done: Done) -> list[dict[str, Any]]:
    """Rows of name, seed, ours, target and met: the published figures, and those that are wanted."""
    parts = (cube(), _speed(done), _linear(done), _networks(done), _noisy(done), _bounds(done), _unseen(done))
    return [asdict(line) | {"met": line.met} for part in parts for line in part]


def cube() -> Iterator[Line]:
    """Digits of the intensities of a small cube that agree with the published generator."""
    ours = intensity(Sample("cubefcc", 2, (("Ag", 1.0),), biso=0.1), np.array([0.01, 0.02, 0.03]))
    error = float(np.abs(ours / _CUBE - 1).max())
    yield Line("digits of the intensities of a cube of 63 atoms", None, -float(np.log10(error)), 6.0)


def _speed(done: Done) -> Iterator[Line]:
    result = next(result for trial, result in done.items() if trial.what == "speed")
    yield Line("curves that are simulated in a CPU minute", None, 60 * result.card["curves"] / result.cpu_s, _CURVES)


def _linear(done: Done) -> Iterator[Line]:
    """Ridge and logistic regression and the two stages on a random split."""
    for over in PARTS:
        whole = over == "all angles"
        ridge, zeros = (_part(done, "ridge", over, data).scores for data in ("published", "zeros"))
        for target, (mse, q2), variance in zip(_NUMBERS, _RIDGE[over], _VARIANCES, strict=True):
            told = ridge[target]
            yield Line(f"ridge {target}, {over}: Q2", q2, told["r2"], _LEAST.get(target) if whole else None)
            yield Line(f"ridge {target}, {over}: MSE", mse, told["rmse"] ** 2)
            if whole:
                yield Line(f"{target}, variance of the data held out", variance, told["variance"])
        told = zeros["sqrt_log_eq_radius"]
        yield Line(f"ridge sqrt_log_eq_radius, three shapes at 0, {over}: Q2", _RIDGE[over][-1][1], told["r2"])
        yield Line(f"ridge sqrt_log_eq_radius, three shapes at 0, {over}: MSE", _RIDGE[over][-1][0], told["rmse"] ** 2)
        if whole:
            yield Line("sqrt_log_eq_radius, three shapes at 0, variance of the data held out", _VARIANCES[-1], told["variance"])
        right = _part(done, "logistic", over).scores["shape"]["accuracy"]
        yield Line(f"logistic shape, {over}: accuracy", _LOGISTIC[over], right, 0.99 if whole else None)
        size = _part(done, "two-stage", over).scores["Size_parameter_1"]["r2"]
        yield Line(f"two-stage size, {over}: Q2", None, size, 0.985 if whole else None)


def _networks(done: Done) -> Iterator[Line]:
    """The published network and the small one, on a random split."""
    published = _whole(done, "published CNN")
    yield Line("published CNN: weights", _WEIGHTS, published.card["parameters"], _WEIGHTS)
    yield Line("published CNN shape, all angles: accuracy", _CNN_SHAPE["all angles"], published.scores["shape"]["accuracy"])
    for over in PARTS:
        whole = over == "all angles"
        told = (_whole(done, "small CNN") if whole else _part(done, "small CNN", over)).scores
        yield Line(f"small CNN shape, {over}: accuracy", _CNN_SHAPE[over], told["shape"]["accuracy"], 0.995 if whole else 0.97)
        size = told["Size_parameter_1"]
        yield Line(f"small CNN size, {over}: accuracy of whole sizes", _CNN_SIZE[over], size["right"])
        yield Line(f"small CNN size, {over}: Q2", None, size["r2"], 0.99 if whole else None)


def _noisy(done: Done) -> Iterator[Line]:
    """The noise of the published programme, in both modes."""
    level = Noise(NOISE).label
    for learner in ROBUST:
        for row in _rows(done, learner):
            if (row.corruption, row.level) != (Noise.name, level) or row.metric not in ("r2", "accuracy"):
                continue
            wanted = 0.7 if learner.startswith("ridge") else 0.98 if learner == "small CNN" and row.target == "shape" else None
            least = wanted if row.mode == "predict only" else None
            figure = "accuracy" if row.metric == "accuracy" else "Q2"
            yield Line(f"{learner} {row.target}, noise {level}, {row.mode}: {figure}", None, row.value, least)


def _bounds(done: Done) -> Iterator[Line]:
    """Curves on other bounds: what a learner that was not told would say, and whether it is."""
    label = f"{BOUNDS[-1][0]:g} to {BOUNDS[-1][1]:g}"
    for learner in ("published CNN", *ROBUST[1:]):
        for row in _rows(done, learner):
            if (row.level, row.target, row.metric) == (label, "shape", "accuracy"):
                known = _CNN_BOUNDS if learner == "published CNN" and row.mode == "predict only" else None
                yield Line(f"{learner} shape, bounds {label}, {row.mode}: accuracy", known, row.value)
    yield Line(f"other bounds that are refused, or flagged where allowed, of {len(BOUNDS)}", None, _told(), len(BOUNDS))


def _told() -> int:
    """How many of the other bounds are refused by default, and flagged once a missing part is allowed."""
    sample, count = Sample("octahedron", 4, (("Ag", 1.0),)), 0
    for low, high in BOUNDS:
        q = Q[(low <= Q) & (high >= Q)]
        curve = Curve(q, intensity(sample, q))
        try:
            resampled(curve, Q)
        except BadCurve:
            count += bool(resampled(curve, Q, most=1.0).flags)
    return count


def _unseen(done: Done) -> Iterator[Line]:
    """Shapes of elements, and of structures, that were not learnt from: means over splits, and their scatter."""
    found: dict[tuple[Any, ...], list[float]] = {}
    for trial, result in done.items():
        if trial.what.startswith("unseen"):
            key = (trial.what, trial.learner, trial.data, trial.inputs)
            found.setdefault(key, []).append(result.scores["shape"]["accuracy"])
    for (what, _, data, inputs), right in found.items():
        least = 0.98 if inputs == ("reduced",) else 0.93 if (data, inputs[0]) == ("library", "form") else None
        name = f"logistic shape, {what}s, {data}, by {' and '.join(inputs)}: accuracy"
        yield Line(f"{name}, mean of {len(right)} splits", None, float(np.mean(right)), least)
        yield Line(f"{name}, standard deviation over splits", None, float(np.std(right)))


def robust(done: Done) -> dict[str, list[Row]]:
    """Learner to its rows of the robustness programme, clean ones first; the published figures stand as learners of their own."""
    ours = {name: _rows(done, name) for name in ("published CNN", *ROBUST)}
    return ours | {f"{name}, seed": rows for name, rows in _seed_rows().items()}


def _seed_rows() -> dict[str, list[Row]]:
    """Published shares of right shapes, as rows of the programme."""
    labels = {over: part.label for over, part in zip(list(PARTS)[1:], corruptions(False)[-5:-3], strict=True)}
    found = {}
    for name, known in (("logistic", _LOGISTIC), ("CNN", _CNN_SHAPE)):
        found[name] = [Row("", "", "clean", "shape", "accuracy", known["all angles"])]
        found[name] += [Row("range", label, "train and predict", "shape", "accuracy", known[over]) for over, label in labels.items()]
    found["CNN"].append(Row("range", f"{BOUNDS[-1][0]:g} to {BOUNDS[-1][1]:g}", "predict only", "shape", "accuracy", _CNN_BOUNDS))
    return found


def programme(done: Done, quick: bool) -> tuple[list[str], list[list[Any]]]:
    """Header and lines of the robustness programme: a line per corruption and mode, a column per learner and target."""
    named = [(learner, target) for learner in ROBUST for target in TARGETS]
    known = {(r.corruption, r.level, r.mode, name, r.target): r for name in ROBUST for r in _rows(done, name) if _usual(r)}
    columns = [column for column in named if any(key[3:] == column for key in known)]
    wanted = [("", "", "clean"), *((c.name, c.label, mode) for c in corruptions(quick) for mode in MODES)]
    table: list[list[Any]] = []
    for place in wanted:
        told = [known.get((*place, *column)) for column in columns]
        made_up = max((row.extrapolated for row in told if row), default=0.0)
        table.append([*place, f"{made_up:.0%}" if made_up else "", *(row.value if row else None for row in told)])
    return ["corruption", "level", "mode", "made up", *(f"{name}, {target}" for name, target in columns)], table


def importance(done: Done, learner: str) -> tuple[list[str], list[str], FloatArray]:
    """Regions of q, targets, and the fall of Q2 or accuracy (regions, targets) once a region is shuffled."""
    result = _whole(done, learner)
    return list(result.importance), list(result.scores), np.array(list(result.importance.values()))


def parity(done: Done, target: str) -> dict[str, tuple[FloatArray, FloatArray]]:
    """Truth and answers of a number by the learners that tell it, at all angles."""
    results = {name: _part(done, name, "all angles") for name in ("ridge", "two-stage")} | {"small CNN": _whole(done, "small CNN")}
    return {name: (np.array(r.truth[target]), np.array(r.told[target])) for name, r in results.items() if target in r.truth}


def confusion(done: Done, learner: str) -> Sequence[Sequence[int]]:
    """Shapes by true and told class."""
    counts: Sequence[Sequence[int]] = _whole(done, learner).scores["shape"]["confusion"]
    return counts


def _usual(row: Row) -> bool:
    return row.metric == ("accuracy" if row.target == "shape" else "r2")


def _whole(done: Done, learner: str) -> Result:
    return next(result for trial, result in done.items() if (trial.what, trial.learner) == ("whole", learner))


def _part(done: Done, learner: str, over: str, data: str = "published") -> Result:
    wanted = ("part", learner, over, data)
    return next(result for trial, result in done.items() if (trial.what, trial.learner, trial.over, trial.data) == wanted)


def _rows(done: Done, learner: str) -> list[Row]:
    """Rows of a learner: clean, predict only, train and predict."""
    return [
        Row(**row)
        for trial, result in done.items()
        if trial.learner == learner and trial.what in ("whole", "retrained")
        for row in result.rows
    ]
