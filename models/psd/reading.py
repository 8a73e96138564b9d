"""What a trained model tells of measured images of a suspension: a size distribution, its band, and whether to believe it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from models.psd import units
from models.psd.bins import Weighting
from models.psd.distribution import Band, Conversion, Distribution, band
from models.psd.reader import BadImage, ImageStack, fitted, read_stack
from models.region import Verdict
from models.surrogate import FloatArray
from models.table import BadTable
from models.task import Block, Task
from models.trained import Answer, Trained

MEANS = ((1, 0), (3, 2), (4, 3))
"""p and q of the mean diameters D[p,q] that are told."""
_MOST_DRAWN = 20_000
"""Images that a bootstrap may look at, over all its stacks."""


@dataclass(frozen=True)
class Ask:
    """How images are to be read.

    Attributes:
        um_per_pixel: Edge of a pixel in the suspension.
        flat_field: Content of a file with images without particles.
        draws: Stacks of the bootstrap; 0 for none.
        weighting: What the shares shall count; as the model was trained when None.
        seed: Of the bootstrap.
    """

    um_per_pixel: float
    flat_field: bytes | None = None
    draws: int = 0
    weighting: Weighting | None = None
    seed: int = 0


@dataclass(frozen=True)
class Scene:
    """The fields of a model of size distributions, and what it was trained on.

    Attributes:
        images: Its only input.
        sizes: The distribution among its targets.
        um_per_pixel: Of its images.
        weighting: Of its distributions.
    """

    images: Block
    sizes: Block
    um_per_pixel: float
    weighting: Weighting

    @property
    def edges(self) -> FloatArray:
        """Of the bins in um, shape (m + 1,)."""
        return units.edges(np.array(self.sizes.axis))

    @property
    def pixels(self) -> int:
        """Along either side of an image."""
        return self.images.shape[1]


@dataclass(frozen=True, eq=False)
class Reading:
    """What a model tells.

    Attributes:
        scene: What the model was trained on.
        distribution: In the wanted weighting.
        low: Lower ends of the intervals of the model for the shares, in its own weighting, shape (m,); None after a conversion.
        high: Their upper ends.
        band: By the bootstrap, in the wanted weighting; None where none was asked for.
        conversion: Where the weighting is not that of the model, what that costs.
        taken: The images as they were read.
        shown: The images as the model sees them.
        verdict: Whether they look like those that the model was trained on.
        flags: What a person should look at, one sentence each.
    """

    scene: Scene
    distribution: Distribution
    low: FloatArray | None
    high: FloatArray | None
    band: Band | None
    conversion: Conversion | None
    taken: ImageStack
    shown: ImageStack
    verdict: Verdict
    flags: tuple[str, ...]


def scene(task: Task) -> Scene:
    """What a model of size distributions was trained on.

    Raises:
        BadTable: It is another model, or its data did not say how large a pixel is, or what a share counts.
    """
    images = task.inputs[0]
    found = [block for block in task.targets if block.kind == "curve" and block.shares and block.axis_unit == units.AXIS_UNIT]
    if images.kind != "stack" or len(found) != 1:
        message = f"the model tells {', '.join(block.name for block in task.targets)} from {images.name}"
        raise BadTable(message, images.name, "use one that tells a distribution of shares over an axis in um from a stack of images")
    if images.shape[1] != images.shape[2]:
        message = "the model was trained on images that are not square"
        raise BadTable(message, images.name, "crop them before they are stored, and train anew")
    return Scene(images, found[0], units.um_per_pixel(images), units.weighting(found[0]))


def read(model: Trained, content: bytes, ask: Ask) -> Reading:
    """Read the images of a file.

    Args:
        model: Trained on stacks, to tell a distribution.
        content: A multi-page TIFF, a PNG, or a zip file of these.
        ask: How.

    Raises:
        BadImage: The images, or the flat field, cannot be read, show less than the model needs, or are too few for what is asked.
        BadTable: See ``scene``.
    """
    trained_on = scene(model.task)
    taken = read_stack(content, ask.um_per_pixel, ask.flat_field)
    shown = fitted(taken, trained_on.pixels, trained_on.um_per_pixel)
    _check_length(model, trained_on, len(shown.values))
    X = shown.values[None].astype(np.float32) / np.float32(255)
    answer = _answer(model, trained_on, X)
    own = Distribution(trained_on.edges, _shares(answer.mean)[0], trained_on.weighting)
    conversion = own.converted(ask.weighting) if ask.weighting not in (None, own.weighting) else None
    flags = list(shown.flags)
    if conversion is not None:
        flags.append(conversion.caution)
    if len(shown.values) != (usual := trained_on.images.shape[0]):
        flags.append(f"{len(shown.values)} images, the model was trained on stacks of {usual}: its intervals are those of {usual}")
    return Reading(
        scene=trained_on,
        distribution=own if conversion is None else conversion.distribution,
        low=None if conversion or answer.low is None else answer.low[0],
        high=None if conversion or answer.high is None else answer.high[0],
        band=_band(model, trained_on, shown, ask) if ask.draws else None,
        conversion=conversion,
        taken=taken,
        shown=shown,
        verdict=model.region.judge(X)[0],
        flags=tuple(flags),
    )


def _check_length(model: Trained, trained_on: Scene, length: int) -> None:
    settings: Mapping[str, Any] = model.card["spec"]["settings"]
    known = trained_on.images.shape[0]
    if settings.get("pooling") == "channels" and length != known:
        remedy = f"give {known} images, or a model that takes one image at a time (pooling `stack`)"
        raise BadImage(f"there are {length}, the model sees {known} at once", "images", remedy)


def _answer(model: Trained, trained_on: Scene, X: npt.NDArray[np.float32]) -> Answer:
    return next(answer for answer in model.answers(X) if answer.block.name == trained_on.sizes.name)


def _shares(told: FloatArray) -> FloatArray:
    """Shares (n, m) that add up to one to the last bits, as those of single precision do not."""
    told = np.maximum(told, 0.0)
    return np.asarray(told / told.sum(axis=1, keepdims=True))


def _band(model: Trained, trained_on: Scene, shown: ImageStack, ask: Ask) -> Band:
    """By the bootstrap over the images."""
    length = len(shown.values)
    if length * ask.draws > _MOST_DRAWN:
        remedy = f"ask for {_MOST_DRAWN // length} draws at most, or send fewer images"
        raise BadImage(f"{ask.draws} draws of {length} would be looked at", "bootstrap", remedy)
    wanted = ask.weighting or trained_on.weighting

    def predict(stacks: npt.NDArray[np.uint8]) -> FloatArray:
        told = _shares(_answer(model, trained_on, stacks.astype(np.float32) / np.float32(255)).mean)
        rows = [Distribution(trained_on.edges, row, trained_on.weighting).converted(wanted).distribution.shares for row in told]
        return np.array(rows)

    return band(predict, shown.values, trained_on.edges, np.random.default_rng(ask.seed), ask.draws)
