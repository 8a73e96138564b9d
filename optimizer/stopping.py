"""Stop conditions as pure functions of history: each leg gives evidence, the verdict weighs it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from itertools import accumulate

import numpy as np

from optimizer.types import AccuracyLeg, Dataset, Evidence, FloatArray, InvalidInput, Leg, StopReport, StopSettings


def rounds_needed(stop: StopSettings) -> int:
    """How many surrogates the legs ask for: those that know the rounds up to R, R - 1, ..., R - needed + 1.

    A leg over k rounds compares k + 1 of them (stability), or scores k batches with the k before
    the newest (accuracy); 0 where neither leg is set.
    """
    return max((leg.rounds + 1 for leg in (stop.stability, stop.accuracy) if leg), default=0)


def best_per_round(data: Dataset) -> dict[int, float]:
    """Lowest aggregated loss of each round that has data."""
    return {int(r): float(data.loss[data.rounds == r].min()) for r in np.unique(data.rounds)}


def loss_leg(best: Mapping[int, float], leg: Leg) -> tuple[Evidence, ...]:
    """Whether a good enough well was found.

    Args:
        best: Lowest aggregated loss of each round (of that round alone, not the best so far).
        leg: The threshold, in units of the loss.

    Returns:
        One row per round, in order.
    """
    return tuple(evidence("loss", "best replicate median of the round", r, best[r], leg) for r in sorted(best))


def stability_leg(predictions: Mapping[int, FloatArray], best: Mapping[int, float], leg: Leg) -> tuple[Evidence, ...]:
    """Whether a round still changes the picture.

    Args:
        predictions: Predicted losses on a fixed probe set, shape (p,), by the surrogate that knows
            the rounds up to and including the key.
        best: Lowest aggregated loss of each round; rounds before the first prediction count too.
        leg: The threshold that both figures are held against, in units of the loss.

    Returns:
        Two rows for each round whose predecessor has predictions too: root mean square change of the
        predicted losses, and change of the best median so far.

    Raises:
        InvalidInput: Predictions of two rounds have different shapes.
    """
    so_far = dict(zip(sorted(best), accumulate((best[r] for r in sorted(best)), np.minimum), strict=True))
    rows: list[Evidence] = []
    for r in sorted(predictions):
        if r - 1 in predictions and r in so_far and r - 1 in so_far:
            rows.append(evidence("stability", "change of the predicted losses (RMS)", r, _rms(predictions[r], predictions[r - 1]), leg))
            rows.append(evidence("stability", "change of the best median so far", r, abs(so_far[r] - so_far[r - 1]), leg))
    return tuple(rows)


def curve_stability_leg(predictions: Mapping[int, FloatArray], leg: Leg) -> tuple[Evidence, ...]:
    """Whether a round still changes the picture that is had of the curves.

    Args:
        predictions: Predicted curves on a fixed probe set, shape (p, m), by the surrogate that knows the rounds up to and
            including the key.
        leg: The threshold, on the mean over the probe set of 1 - cosine.

    Returns:
        One row for each round whose predecessor has predictions too.

    Raises:
        InvalidInput: Predictions of two rounds have different shapes.
    """
    return tuple(
        evidence("stability", "change of the predicted curves (1 - cosine)", r, _mean_angle(predictions[r], predictions[r - 1]), leg)
        for r in sorted(predictions)
        if r - 1 in predictions
    )


def accuracy_leg(predicted: Mapping[int, FloatArray], measured: Mapping[int, FloatArray], leg: Leg) -> tuple[Evidence, ...]:
    """Whether the surrogate foresees a batch that it has not seen.

    Args:
        predicted: Losses of the wells of each round as predicted by the surrogate that knows only
            the rounds before, shape (n,).
        measured: Aggregated losses of the same wells, shape (n,).
        leg: The threshold, in units of the loss.

    Returns:
        One row, the root mean square error, for each round that has both.

    Raises:
        InvalidInput: A round has different shapes in the two.
    """
    return tuple(
        evidence("accuracy", "error of the prediction made before the round (RMSE)", r, _rms(predicted[r], measured[r]), leg)
        for r in sorted(predicted.keys() & measured.keys())
        if len(measured[r])
    )


def curve_accuracy_leg(predicted: Mapping[int, FloatArray], measured: Mapping[int, FloatArray], leg: Leg) -> tuple[Evidence, ...]:
    """Whether the surrogate foresees the curves of a batch that it has not seen.

    Args:
        predicted: Curves of the wells of each round as predicted by the surrogate that knows only the rounds before, shape
            (n, m).
        measured: Aggregated curves of the same wells, shape (n, m).
        leg: The threshold on the mean over the wells of 1 - cosine, and on the mean squared error where it has one.

    Returns:
        One or two rows for each round that has both.

    Raises:
        InvalidInput: A round has different shapes in the two.
    """
    rows: list[Evidence] = []
    for r in sorted(predicted.keys() & measured.keys()):
        if not len(measured[r]):
            continue
        what, angle = "error of the curves predicted before the round", _mean_angle(predicted[r], measured[r])
        rows.append(evidence("accuracy", f"{what} (1 - cosine)", r, angle, leg))
        if isinstance(leg, AccuracyLeg) and leg.mse is not None:
            rows.append(evidence("accuracy", f"{what} (MSE)", r, _rms(predicted[r], measured[r]) ** 2, Leg(leg.mse)))
    return tuple(rows)


def cosines(a: FloatArray, b: FloatArray) -> FloatArray:
    """Cosine similarity of curves, row by row.

    Args:
        a: Curves, shape (n, m).
        b: As many curves.

    Returns:
        Shape (n,), in [-1, 1]; 0 where one of the two is zero everywhere, 1 where both are.

    Raises:
        InvalidInput: The shapes differ.
    """
    _check_shapes(a, b)
    lengths = np.linalg.norm(a, axis=1), np.linalg.norm(b, axis=1)
    product = lengths[0] * lengths[1]
    cosine = (a * b).sum(axis=1) / np.where(product > 0, product, 1.0)
    return np.where((lengths[0] == 0) & (lengths[1] == 0), 1.0, np.clip(cosine, -1.0, 1.0))


def verdict(last_round: int, rows: Sequence[Evidence], stop: StopSettings, reopened_after: int = 0) -> StopReport:
    """Weigh the evidence.

    A leg is met when every figure of each of the ``leg.rounds`` newest rounds is met; a round without
    evidence, or one not after ``reopened_after``, is not. The report keeps the evidence of rounds
    after ``reopened_after`` up to ``last_round``.
    """
    legs = {f.name: leg for f in fields(stop) if isinstance(leg := getattr(stop, f.name), Leg)}
    kept = tuple(row for row in rows if reopened_after < row.round <= last_round)
    met = {name: held(last_round, [row for row in kept if row.leg == name], leg) for name, leg in legs.items()}
    decided = bool(met) and (any(met.values()) if stop.combine == "any" else all(met.values()))
    return StopReport(decided, last_round, met, kept, _reason(last_round, met, kept, stop, decided))


def evidence(leg_name: str, metric: str, round_number: int, value: float, leg: Leg) -> Evidence:
    """A figure held against the threshold of its leg."""
    return Evidence(leg_name, metric, round_number, float(value), leg.threshold, bool(value <= leg.threshold))


def _rms(a: FloatArray, b: FloatArray) -> float:
    _check_shapes(a, b)
    return float(np.sqrt(np.mean((a - b) ** 2)))


def _mean_angle(a: FloatArray, b: FloatArray) -> float:
    return float(1 - cosines(a, b).mean())


def _check_shapes(a: FloatArray, b: FloatArray) -> None:
    if a.shape != b.shape:
        raise InvalidInput(f"cannot compare predictions of shape {a.shape} with {b.shape}", where=("stop",))


def held(last_round: int, rows: Sequence[Evidence], leg: Leg) -> bool:
    """Whether every figure of each of the ``leg.rounds`` newest rounds is met; a round without evidence is not."""
    seen = {row.round for row in rows}
    missed = {row.round for row in rows if not row.met}
    return all(r in seen - missed for r in range(last_round - leg.rounds + 1, last_round + 1))


def _reason(last_round: int, met: Mapping[str, bool], kept: Sequence[Evidence], stop: StopSettings, decided: bool) -> str:
    if not met:
        return "no stop condition is set"
    asked = f"{stop.combine} of {', '.join(met)} asked for" if len(met) > 1 else f"{next(iter(met))} asked for"
    newest = [
        f"{row.metric} {row.value:.4g} {'<=' if row.met else 'is not <='} {row.threshold:g}"
        for row in kept
        if row.round == last_round and row.leg in met
    ]
    figures = "; ".join(newest) or "no evidence on this round yet"
    return f"{'stop' if decided else 'go on'} after round {last_round} ({asked}): {figures}"
