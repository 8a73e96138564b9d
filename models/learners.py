"""The kinds of learners: the one place that knows them all. Loads none of them, nor what they learn with, before it is asked to."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol, Self

from pydantic import TypeAdapter, ValidationError

from models.nets import Progress
from models.surrogate import FloatArray, Surrogate
from models.task import Head, HeadKind

_NUMBERS: frozenset[HeadKind] = frozenset({"number", "curve"})
_ALL: frozenset[HeadKind] = _NUMBERS | {"category", "distribution"}


class BadSettings(ValueError):
    """Settings that a learner does not have, or that are out of their range.

    Attributes:
        field: Name of the setting at fault, ``kind`` of an unknown kind, empty where several are to blame.
        remedy: What to do about it.
    """

    def __init__(self, message: str, field: str = "", remedy: str = "") -> None:
        super().__init__(message)
        self.field, self.remedy = field, remedy


class Learner(Surrogate, Protocol):
    """A surrogate of a kind: it tells how its fit goes and went, and can be kept.

    Attributes:
        warnings: What the last fit had to do out of the ordinary, one sentence each.
        card: Figures of the last fit, for people.
    """

    warnings: tuple[str, ...]
    card: dict[str, Any]

    def fit(self, X: FloatArray, Y: FloatArray, progress: Progress | None = None) -> Self:
        """Learn from inputs (n, ...) and outputs (n, m); ``progress`` may stop it."""
        ...

    def save(self, path: Path) -> None:
        """Write ``path`` (safetensors) and, beside it, a JSON card of the same stem."""
        ...


@dataclass(frozen=True)
class Kind:
    """A kind of learner.

    Attributes:
        name: Its key in ``KINDS``.
        learner: Module and class.
        settings: Module and class of its settings.
        stacks: Whether it takes stacks of images (n, images, height, width) instead of columns (n, d).
        heads: What it can tell.
        about: What it is good for, in a line.
    """

    name: str
    learner: str
    settings: str
    stacks: bool
    heads: frozenset[HeadKind]
    about: str


KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind(
            "gp",
            "models.processes:GaussianProcesses",
            "models.processes:ProcessSettings",
            False,
            frozenset({"number"}),
            "Exact Gaussian process per number: best for up to some hundred rows of few inputs; knows its uncertainty",
        ),
        Kind(
            "components_gp",
            "models.processes:ComponentProcesses",
            "models.processes:ProcessSettings",
            False,
            _NUMBERS,
            "Gaussian processes of the principal components of curves: few rows, smooth curves; knows its uncertainty",
        ),
        Kind(
            "network",
            "models.headed:HeadedSpectrumNetwork",
            "models.nets:NetworkSettings",
            False,
            _NUMBERS,
            "Ensemble of dense networks from recipe to curve, early stopped; its standard deviation is calibrated on held-out data",
        ),
        Kind(
            "mlp",
            "models.perceptron:Perceptron",
            "models.perceptron:PerceptronSettings",
            False,
            _ALL,
            "Multilayer perceptrons from columns to targets of any kind, for thousands of rows",
        ),
        Kind(
            "cnn",
            "models.convolution:Convolution",
            "models.convolution:ConvolutionSettings",
            False,
            _ALL,
            "Convolutions along one input curve, such as a scattering pattern, to targets of any kind",
        ),
        Kind(
            "resnet",
            "models.residual:Residual",
            "models.residual:ResidualSettings",
            True,
            _ALL,
            "Residual network of stacks of images to targets of any kind, such as size distributions",
        ),
        Kind(
            "features",
            "models.psd.feature_learner:FeatureNetwork",
            "models.psd.feature_learner:FeatureSettings",
            True,
            _ALL,
            "Perceptron on classical features of image stacks: learns size distributions in seconds; predicts in NumPy",
        ),
        Kind(
            "segmentation",
            "models.psd.segmentation:Segmentation",
            "models.psd.segmentation:SegmentationSettings",
            True,
            frozenset({"distribution"}),
            "Particles found and counted one by one, by watershed or circles: the baseline of size distributions from images",
        ),
        Kind(
            "mixture",
            "models.polymer.mixture_density:MixtureDensity",
            "models.polymer.mixture_density:MixtureSettings",
            False,
            frozenset({"number"}),
            "Mixture density network: numbers of which several fit an input, such as recipes for a polymer; tells how wide they spread",
        ),
        Kind(
            "ridge",
            "models.linear:Ridge",
            "models.linear:RidgeSettings",
            False,
            _NUMBERS,
            "Linear, with squared coefficients kept small: the baseline; takes thousands of inputs, can be made to stand noise",
        ),
        Kind(
            "logistic",
            "models.linear:Logistic",
            "models.linear:LogisticSettings",
            False,
            frozenset({"category"}),
            "Linear classifier of one category: the baseline; takes thousands of inputs",
        ),
        Kind(
            "forest",
            "models.forest:Forest",
            "models.forest:ForestSettings",
            False,
            _ALL,
            "Random forest: hardly needs settings, never leaves the range of the data it has seen",
        ),
        Kind(
            "library",
            "models.library:LibrarySearch",
            "models.library:LibrarySettings",
            False,
            _ALL,
            "Search for the known curves that lie closest once scaled and set on a background; ranked candidates with residuals",
        ),
        Kind(
            "two_stage",
            "models.scattering.two_stage:TwoStage",
            "models.scattering.two_stage:TwoStageSettings",
            False,
            frozenset({"category", "number"}),
            "Shape, ln N and size of nanoparticles, in this order, from a scattering curve: the shape first, then the size that N means",
        ),
    )
}


def settings_of(kind: str, given: Mapping[str, Any]) -> Any:
    """The settings of a kind, as its frozen dataclass; those left out have their defaults.

    Args:
        kind: A key of ``KINDS``.
        given: As JSON: numbers, strings, flags, lists and null.

    Raises:
        BadSettings: There is no such kind or setting, or its value is of the wrong type or out of range.
    """
    settings = _named(_kind(kind).settings)
    known = [field.name for field in fields(settings)]
    if unknown := sorted(set(given) - set(known)):
        raise BadSettings(f"{kind} has no setting {unknown[0]!r}", unknown[0], f"use one of: {', '.join(known)}")
    try:
        return TypeAdapter(settings).validate_json(json.dumps(dict(given)), strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        said = first["msg"].removeprefix("Value error, ")
        field = str(first["loc"][0]) if first["loc"] else next((word for word in said.split() if word in known), "")
        raise BadSettings(f"{kind}: {said}", field, "correct the value, or leave it out for the default") from error


def make(kind: str, settings: Any = None, heads: Sequence[Head] = (), seed: int = 0, device: str = "auto") -> Learner:
    """A new learner.

    Args:
        kind: A key of ``KINDS``.
        settings: From ``settings_of``; None for the defaults.
        heads: What the columns of the outputs are; none for numbers.
        seed: Of all random choices.
        device: Where networks train: ``auto``, ``cpu`` or ``cuda``.

    Raises:
        BadSettings: There is no such kind.
        ValueError: The kind cannot tell one of the heads.
    """
    learner: Learner = _named(_kind(kind).learner)(settings, heads, seed, device)
    return learner


def load(kind: str, path: Path) -> Learner:
    """The learner of a kind that was saved at the path."""
    learner: Learner = _named(_kind(kind).learner).load(path)
    return learner


def _kind(name: str) -> Kind:
    if name not in KINDS:
        raise BadSettings(f"there is no kind of learner {name!r}", "kind", f"use one of: {', '.join(KINDS)}")
    return KINDS[name]


def _named(place: str) -> Any:
    module, name = place.split(":")
    return getattr(import_module(module), name)
