"""Where the inputs of a trained model lie, whatever kind of field they are: every field by few figures, and a domain over these.

Numbers and categories are figures themselves. A curve is told by its scores on the principal components of the training
curves, and by how much of it lies off them. A stack of images is told by its brightness, contrast and detail: a stack
that differs from the training stacks in nothing else is not noticed.

Source of the two figures of a curve: Jackson and Mudholkar, Technometrics 21, 341 (1979), section 2.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from models.components import Components
from models.surrogate import FloatArray, IntArray
from models.task import Block
from models.validity import Check, Domain, Status

_MOST, _FOLDS = 2000, 5
"""Rows of a domain; parts of the training curves of which each is held against the components of the others."""


@dataclass(frozen=True)
class Verdict:
    """Whether an input lies where the model was trained.

    Attributes:
        status: See ``models.validity.Validity``.
        check: The figure of the domain that is farthest past its limit, or nearest to it.
        variable: Name of the field that is most at fault.
        figure: What of the field, where it is told by more than one figure.
        value: The checked figure.
        limit: What it is held against.
    """

    status: Status
    check: Check
    variable: str
    figure: str
    value: float
    limit: float


@dataclass(frozen=True, eq=False)
class Region:
    """The inputs that a model was trained on.

    Attributes:
        blocks: Fields of the inputs.
        components: Of each curve among them, by name.
        domain: Over the figures of all fields, in order.
    """

    blocks: tuple[Block, ...]
    components: Mapping[str, Components]
    domain: Domain

    @classmethod
    def of(cls, blocks: Sequence[Block], X: npt.NDArray[Any], seed: int = 0) -> Self:
        """The region of training inputs (n, d), or (n, images, height, width) of a stack.

        Raises:
            ValueError: They are all equal.
        """
        columns = _columns(blocks, X)
        components = {block.name: Components.of(columns[block.name]) for block in blocks if block.kind == "curve"}
        figures = _figures(blocks, columns, components)
        for name, found in components.items():  # curves that the components were made from lie nearer to them than new ones
            at = [block.name for block in blocks].index(name)
            figures[at][:, -1:] = _held_off(columns[name], len(found.P), seed)
        F = np.hstack(figures)
        return cls(tuple(blocks), components, Domain.of(F[_few(F, seed)]))

    def judge(self, X: npt.NDArray[Any]) -> tuple[Verdict, ...]:
        """Verdicts on inputs as a learner sees them."""
        found = self.domain.judge(np.hstack(_figures(self.blocks, _columns(self.blocks, X), self.components)))
        names = self._names
        return tuple(Verdict(v.status, v.check, *names[v.variable], v.value, v.limit) for v in found)

    @property
    def _names(self) -> list[tuple[str, str]]:
        """Field and figure of each column of the domain."""
        told = list[tuple[str, str]]()
        for block in self.blocks:
            if block.kind == "curve":
                scores = len(self.components[block.name].P)
                figures = [*(f"component {k + 1}" for k in range(scores)), "off the components"]
            else:
                figures = {"stack": ["brightness", "contrast", "detail"], "category": list(block.classes)}.get(block.kind, [""])
            told += [(block.name, figure) for figure in figures]
        return told

    def arrays(self) -> dict[str, FloatArray]:
        """Everything but the blocks, to be stored."""
        found = {"domain": self.domain.X}
        for name, components in self.components.items():
            found |= {f"mean.{name}": components.mean, f"P.{name}": np.ascontiguousarray(components.P)}
        return found

    @classmethod
    def from_arrays(cls, blocks: Sequence[Block], arrays: Mapping[str, FloatArray]) -> Self:
        """Read what ``arrays`` told."""
        curves = [block.name for block in blocks if block.kind == "curve"]
        components = {name: Components(arrays[f"mean.{name}"], arrays[f"P.{name}"], float("nan")) for name in curves}
        return cls(tuple(blocks), components, Domain.of(arrays["domain"]))


def _columns(blocks: Sequence[Block], X: npt.NDArray[Any]) -> dict[str, npt.NDArray[Any]]:
    if X.ndim == 4:
        return {blocks[0].name: X}
    ends = np.cumsum([block.size for block in blocks])
    return {block.name: part for block, part in zip(blocks, np.split(X, ends[:-1], axis=1), strict=True)}


def _figures(blocks: Sequence[Block], columns: Mapping[str, npt.NDArray[Any]], components: Mapping[str, Components]) -> list[FloatArray]:
    """Figures (n, k) of each field."""
    found = []
    for block in blocks:
        values = columns[block.name]
        if block.kind == "stack":
            values = _image_figures(values)
        elif block.kind == "curve":
            values = np.hstack([components[block.name].scores(values), _off(values, components[block.name])])
        found.append(np.asarray(values, float))
    return found


def _image_figures(stacks: npt.NDArray[Any]) -> FloatArray:
    """Mean, standard deviation, and mean difference of neighbouring pixels of stacks (n, images, height, width); (n, 3)."""
    detail = np.zeros(len(stacks))
    for axis in (2, 3):
        if stacks.shape[axis] > 1:
            detail += np.abs(np.diff(stacks, axis=axis)).mean(axis=(1, 2, 3))
    return np.column_stack([stacks.mean(axis=(1, 2, 3)), stacks.std(axis=(1, 2, 3)), detail])


def _off(curves: FloatArray, components: Components) -> FloatArray:
    """Root mean square of what the components leave of curves (n, m), shape (n, 1)."""
    rest = curves - components.curves(components.scores(curves))
    return np.asarray(np.sqrt((rest**2).mean(axis=1, keepdims=True)))


def _held_off(curves: FloatArray, count: int, seed: int) -> FloatArray:
    """The same of training curves, each by so many components that were made without it."""
    part = np.random.default_rng(seed).permutation(len(curves)) % min(_FOLDS, len(curves))
    found = np.empty((len(curves), 1))
    for k in np.unique(part):
        held = part == k
        others = curves[~held]
        mean = others.mean(axis=0)
        _, _, P = np.linalg.svd(others - mean, full_matrices=False)
        found[held] = _off(curves[held], Components(mean, P[:count], 1.0))
    return found


def _few(F: FloatArray, seed: int) -> IntArray:
    """Rows of a domain: all, or a sample with the lowest and highest of every figure among them."""
    if len(F) <= _MOST:
        return np.arange(len(F))
    sample = np.random.default_rng(seed).choice(len(F), _MOST, replace=False)
    return np.unique(np.r_[sample, F.argmin(axis=0), F.argmax(axis=0)])
