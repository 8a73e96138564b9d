"""Figures of the study on size distributions: what was published, what ours come to, and what is wanted of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import isfinite
from typing import Any

import numpy as np

from models.psd.study import LENGTHS, Result
from models.study import Better
from optimizer.sweep import Factor

Row = dict[str, Any]
"""name, seed, ours, target, met."""
PUBLISHED: Mapping[str, Any] = {"depth": 34, "stack": 5, "batch": [5, 10], "rate": 1e-2}
"""Choices of the published sweep."""
_SETS: Mapping[str, Mapping[str, Any]] = {
    "spheres": {"rmse": 1.2e-4, "spearman": 0.25, "cosine": [0.94, 1.0], "pearson": [0.94, 1.0], "r2": [0.94, 1.0]},
    "spheroids": {"rmse": 6.2e-5, "spearman": 0.77, "cosine": [0.94, 1.0], "pearson": [0.94, 1.0], "r2": [0.94, 1.0]},
}
"""Figures of the published full sets; of three only the range is told."""
NAMES: Mapping[str, str] = {
    "cosine": "cosine",
    "pearson": "Pearson",
    "spearman": "Spearman",
    "rmse": "RMSE",
    "r2": "R2",
    "wasserstein": "Wasserstein distance over ln d",
    "D10_error": "median error of D10 in %",
    "D50_error": "median error of D50 in %",
    "D90_error": "median error of D90 in %",
}
_WANTED: Mapping[tuple[str, str], tuple[float, Better]] = {
    ("encoder", "cosine"): (0.948, "high"),
    ("encoder", "wasserstein"): (0.080, "low"),
    ("encoder", "D50_error"): (4.0, "low"),
    ("encoder, by volume", "D50_error"): (5.0, "low"),
    ("features", "cosine"): (0.94, "high"),
    ("watershed", "cosine"): (0.88, "high"),
}
_SECONDS: Mapping[str, float] = {"encoder": 300.0, "features": 15.0}
_TRENDS = (("concentration", "size", "wasserstein"), ("concentration", "size", "rmse"), ("size", "concentration", "rmse"))
"""Class that is followed, class of which all are taken, and metric."""
_TUNED, _SPEED = 0.94, 500.0


def method_rows(done: Mapping[str, Result]) -> list[Row]:
    """Figures of the methods by their names, as ``psd_study.methods`` has them."""
    rows = []
    for name, result in done.items():
        for metric, label in NAMES.items():
            rows.append(_row(f"{name}: {label}", None, result.scores[metric], *_WANTED.get((name, metric), ())))
        if result.cpu_s:
            rows.append(_row(f"{name}: CPU s of training", None, result.cpu_s, _SECONDS.get(name), "low"))
    return rows + list(_encoder_rows(done["encoder"]))


def _encoder_rows(encoder: Result) -> Iterator[Row]:
    others = encoder.others
    for length in LENGTHS:
        yield _row(f"encoder, {length} images: cosine", None, others[f"{length} images"]["cosine"])
    for metric in ("cosine", "wasserstein"):
        ours = others["eight orientations"][metric]
        yield _row(f"encoder, mean of eight orientations: {NAMES[metric]}", None, ours, *_WANTED["encoder", metric])
    yield _row("encoder, spheroids: cosine", None, others["spheroids"]["cosine"])
    tuned = others["spheroids, fine-tuned"]
    yield _row("encoder, spheroids, fine-tuned: cosine", None, tuned["cosine"], _TUNED)
    yield _row("encoder, spheroids, fine-tuned: CPU s of training", None, tuned["cpu_s"])
    yield _row("encoder, converted to volume by d^3: median error of D90 in %", None, others["converted to volume"]["D90_error"])
    yield _row("encoder: stacks per CPU second", None, others["speed"]["stacks per CPU second"], _SPEED)
    yield from _trends("encoder", encoder)


def _trends(name: str, result: Result) -> Iterator[Row]:
    """Errors of the highest class by those of the lowest."""
    for what, other, metric in _TRENDS:
        known = [row for row in result.classes if row[other] == "all" and row[what] != "all"]
        if len(known) > 1:
            ratio = known[-1][metric] / known[0][metric]
            ends = f"{known[-1][what]} {what} by {known[0][what]}"
            yield _row(f"{name}: {NAMES[metric]}, {ends}", None, ratio, 1.0 if metric == "wasserstein" else None, "low")


def sweep_rows(factors: Sequence[Factor]) -> list[Row]:
    """What most metrics name of every factor, and how much seeds change."""
    rows = [{**_row(f"{one.name} of most winners", PUBLISHED[one.name], None), "ours": _listed(one.chosen)} for one in factors]
    spread = [level.std["cosine"] for one in factors for level in one.levels if isfinite(level.std["cosine"])]
    return [*rows, _row("standard deviation of the cosine over seeds, median of the settings", None, float(np.median(spread or [np.nan])))]


def following_rows(done: Mapping[str, Result]) -> list[Row]:
    """Figures of what follows the choice, by the names of ``psd_study.following``."""
    rows = []
    for name, known in _SETS.items():
        rows += [_row(f"chosen settings, {name}: {NAMES[metric]}", seed, done[name].scores[metric]) for metric, seed in known.items()]
        rows.append(_row(f"chosen settings, {name}: {NAMES['wasserstein']}", None, done[name].scores["wasserstein"]))
        rows += _trends(f"chosen settings, {name}", done[name])
    long = done["long"]
    least = int(np.argmin(long.held_out))
    rows.append(_row("long training: epochs", 10_000, len(long.train)))
    rows.append(_row("long training: epoch of the least held-out loss", None, least + 1))
    rows.append(_row("long training: held-out loss by that learnt from, at the end", None, long.held_out[-1] / long.train[-1]))
    rows.append({**_row("long training: grokking", False, None), "ours": grokked(long.held_out)})
    sets = {"small": "small set", "small, augmented": "small set, augmented", "spheres": "large set"}
    return rows + [_row(f"chosen settings, {told}: RMSE", None, done[name].scores["rmse"]) for name, told in sets.items()]


def grokked(held_out: Sequence[float]) -> bool:
    """Whether the held-out loss fell a second time: below nine tenths of its least of the first half, after a rise to twice that."""
    half = len(held_out) // 2
    if not half:
        return False
    first = min(held_out[:half])
    after = held_out[held_out.index(first) :]
    return max(after) > 2 * first and min(held_out[half:]) < 0.9 * first


def class_cells(result: Result) -> tuple[list[str], list[list[Any]]]:
    """Header and lines of the scores by class."""
    shown = ("rmse", "cosine", "spearman", "wasserstein", "D50_error")
    header = ["concentration", "size", "stacks", *(NAMES[name] for name in shown)]
    return header, [[row["concentration"], row["size"], row["stacks"], *(row[name] for name in shown)] for row in result.classes]


def _listed(values: Sequence[Any]) -> Any:
    return values[0] if len(values) == 1 else list(values)


def _row(name: str, seed: Any, ours: float | None, target: float | None = None, better: Better = "high") -> Row:
    known = ours is not None and isfinite(ours)
    met = None if target is None else bool(known and (ours <= target if better == "low" else ours >= target))  # type: ignore[operator]
    return {"name": name, "seed": seed, "ours": ours if known else None, "target": target, "met": met}
