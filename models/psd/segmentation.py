"""Size distributions from particles that are found one by one: nothing is learnt but how large a pixel is.

Notation: s um per pixel, particles of diameter d in pixels; a bin from a to b in um holds, by a normal kernel of width w in ln d,

    Phi((ln b - ln s d) / w) - Phi((ln a - ln s d) / w)
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, ClassVar, Self, get_args

import numpy as np
import numpy.typing as npt

from models.array_learner import ArrayLearner, Fitted, tell
from models.learning import one_of, whole
from models.nets import Progress
from models.psd.bins import EDGES, Weighting
from models.psd.detection import Method, detected
from models.psd.feature_learner import grey, wrong_stack
from models.surrogate import FloatArray, IntArray, Posterior
from models.task import Head, HeadKind

_DIAMETERS = np.geomspace(1.0, 1000.0, 401)
"""Classes of diameters in pixels, under 2 % apart, that what is found in a stack is kept in."""
_REACH = 0.5
"""How far in ln s the best is from where the mean of ln d agrees, at most."""


@dataclass(frozen=True)
class SegmentationSettings:
    """How particles are found and counted.

    Attributes:
        method: ``watershed`` of the mask of dark pixels, or circles by the ``hough`` transform of its outlines.
        rows: Stacks that the size of a pixel is found from, at most.
        low: Lower edge of the first bin in um.
        high: Upper edge of the last bin in um; bins are even in the logarithm.
        weighting: Of the shares.
        kernel: Width of the normal kernel in units of that of a bin.
    """

    method: Method = "watershed"
    rows: int = 200
    low: float = float(EDGES[0])
    high: float = float(EDGES[-1])
    weighting: Weighting = "number"
    kernel: float = 1.0

    def __post_init__(self) -> None:
        one_of(self, "method", get_args(Method))
        one_of(self, "weighting", get_args(Weighting))
        whole(self, 1, "rows")
        if not 0 < self.low < self.high < np.inf:
            raise ValueError(f"low has to be positive and below high, not {self.low!r} and {self.high!r}")
        if not 0 < self.kernel < np.inf:
            raise ValueError(f"kernel has to be positive, not {self.kernel!r}")


class Segmentation(ArrayLearner[SegmentationSettings]):
    """Counts whole particles in stacks (n, images, height, width) of any length and size of image, with pixels of one size.

    Grey values are in [0, 1], particles are dark. Where none is found, the mean of the distributions of the fit is told. The card
    has ``um_per_pixel``; since it makes up for outlines that are drawn too wide or too narrow, it is not quite the true one.
    """

    can: ClassVar[frozenset[HeadKind]] = frozenset({"distribution"})
    settings_type = SegmentationSettings

    def fit(self, X: npt.NDArray[Any], Y: FloatArray, progress: Progress | None = None) -> Self:
        """Find the size of a pixel; the order of the data does not matter.

        Args:
            X: Stacks, shape (n, images, height, width), n >= 1.
            Y: Shares of the bins, shape (n, m).
            progress: Told now and then how far the fit is.

        Raises:
            ValueError: The shapes do not fit each other or the head, or a value is out of range.
            ImportError: scikit-image is not installed.
            Cancelled: ``progress`` said so.
        """
        X, Y = np.asarray(X), np.asarray(Y, float)
        _check(X)
        if len(X) != len(Y):
            raise ValueError(f"a learner needs as many outputs as inputs, not {len(Y)} for {len(X)}")
        some = sorted(range(len(X)), key=lambda row: hashlib.sha256(X[row].tobytes() + Y[row].tobytes()).digest())[: self.settings.rows]
        return super().fit(self._found(X[some], progress), Y[some])

    def posterior(self, X: npt.NDArray[Any]) -> Posterior:
        """Shares of the bins at stacks (n, images, height, width), shape (n, m); no standard deviation.

        Raises:
            NotFitted: ``fit`` has not been called.
            ValueError: The inputs are no stacks of grey values.
        """
        _, X = self.fitted, np.asarray(X)
        _check(X)
        return super().posterior(self._found(X, None))

    def _found(self, X: npt.NDArray[Any], progress: Progress | None) -> FloatArray:
        """Particles by number in the classes ``_DIAMETERS``, shape (n, classes); a row adds up to one, or 0 where there are none."""
        found = np.zeros((len(X), len(_DIAMETERS)))
        places = np.log(_DIAMETERS)
        for row, stack in enumerate(X):
            tell(progress, row / len(X))
            diameters, weights = detected(grey(stack), self.settings.method)
            nearest = np.rint(np.interp(np.log(diameters), places, np.arange(len(places)))).astype(int)
            np.add.at(found[row], nearest, weights / max(weights.sum(), np.finfo(float).tiny))
        return found

    def _learn(self, X: FloatArray, Y: FloatArray, order: IntArray, heads: tuple[Head, ...], progress: Progress | None) -> Fitted:
        if [head.kind for head in heads] != ["distribution"]:
            raise ValueError("Segmentation tells one distribution: name it as the only head")
        seen, size = X.any(axis=1), 1.0
        if seen.any():
            size = self._pixel(X[seen], Y[seen])
        empty = f"no particle was found in {np.sum(~seen)} of {len(X)} stacks"
        warnings = () if seen.all() else (empty,)
        return Fitted({"mean": Y.mean(axis=0)}, {"um_per_pixel": size}, {"um_per_pixel": size}, warnings)

    def _pixel(self, X: FloatArray, Y: FloatArray) -> float:
        """Micrometres per pixel at which cumulative curves differ least."""
        from scipy.optimize import minimize_scalar  # late, like all of scipy

        edges = self._edges(Y.shape[1])
        counts = self._weighted(X)
        start = float((Y @ ((edges[1:] + edges[:-1]) / 2)).mean() - (counts @ np.log(_DIAMETERS)).mean())

        def gap(shift: float) -> float:
            told = self._binned(counts, start + shift, edges)
            return float(np.abs(np.cumsum(told - Y, axis=1)).mean())

        return float(np.exp(start + minimize_scalar(gap, bounds=(-_REACH, _REACH), method="bounded").x))

    def _answer(self, X: FloatArray) -> Posterior:
        mean, size = self.fitted.arrays["mean"], self.fitted.facts["um_per_pixel"]
        told = self._binned(self._weighted(X), float(np.log(size)), self._edges(len(mean)))
        total = told.sum(axis=1, keepdims=True)
        return Posterior(np.where(total > 0, told / np.where(total > 0, total, 1), mean))

    def _edges(self, bins: int) -> FloatArray:
        return np.linspace(np.log(self.settings.low), np.log(self.settings.high), bins + 1)

    def _weighted(self, X: FloatArray) -> FloatArray:
        """Particles by the weighting of the shares, rows adding up to one."""
        counts = X * _DIAMETERS**3 if self.settings.weighting == "volume" else X
        return np.asarray(counts / np.maximum(counts.sum(axis=1, keepdims=True), np.finfo(float).tiny))

    def _binned(self, counts: FloatArray, shift: float, edges: FloatArray) -> FloatArray:
        """Parts of particles (n, classes) that are in bins with edges in ln um (m + 1,), where ln s is the shift; shape (n, m)."""
        from scipy.special import ndtr

        width = self.settings.kernel * (edges[1] - edges[0])
        return np.asarray(counts @ np.diff(ndtr((edges - shift - np.log(_DIAMETERS)[:, None]) / width), axis=1))


def _check(X: npt.NDArray[Any]) -> None:
    wrong = wrong_stack(X.shape[1:], None) if len(X) else "there are no inputs: give one or more"
    if wrong or not np.isfinite(X).all():
        raise ValueError(f"segmentation: {wrong or 'inputs have to be finite'}")
