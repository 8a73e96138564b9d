"""Measured image stacks and size distributions: read from files, checked, and brought onto what a model knows.

The size of a pixel cannot be seen from an image, so it has to be told. Grey is .299 R + .587 G + .114 B (ITU-R BT.601).
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from models.psd.bins import Weighting
from models.psd.decoding import BadImage as BadImage
from models.psd.decoding import Picture, pictures
from models.psd.distribution import TOLERANCE, BadDistribution, Distribution
from models.surrogate import FloatArray

COLUMNS = ("bin_low_um", "bin_high_um", "fraction", "weighting")
_LUMA = (0.299, 0.587, 0.114)
_BITS = (8, 10, 12, 14, 16)
"""Depths of cameras whose pixels are stored in 16 bit."""
_ALIKE = 0.01
"""Relative difference of pixel sizes, and of the sum of fractions from one, that is a matter of rounding."""


@dataclass(frozen=True, eq=False)
class ImageStack:
    """Grey images of one suspension.

    Attributes:
        values: Shape (images, height, width).
        um_per_pixel: Edge of a pixel in the suspension, in um.
        flags: What a person should look at, one sentence each.

    Raises:
        BadImage: They are something else.
    """

    values: npt.NDArray[np.uint8]
    um_per_pixel: float
    flags: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check_scale(self.um_per_pixel)
        if self.values.dtype != np.uint8 or self.values.ndim != 3 or not self.values.size:
            raise BadImage(f"{self.values.dtype} of shape {self.values.shape}", "images", "give uint8 of shape (images, height, width)")


def read_stack(source: bytes | Path, um_per_pixel: float | None, flat_field: bytes | Path | None = None) -> ImageStack:
    """The grey images of a multi-page TIFF, a PNG, or a folder or zip file of them.

    Pixels of 16 bit are scaled from 8, 10, 12, 14 or 16 bit, the fewest that hold all of them; fractions between 0 and 1 from
    these. What was done to the pixels is told by the flags.

    Args:
        source: Content of a file, or where a file or folder is.
        um_per_pixel: Edge of a pixel in the suspension, in um.
        flat_field: Images of the same size without particles, over whose mean the images are divided.

    Raises:
        BadImage: An image, or the flat field, cannot be read or used, or the size of a pixel is missing.
        ImportError: Pillow or tifffile is not installed.
    """
    scale = _check_scale(um_per_pixel)
    found, flags = pictures(source, "images")
    images, colours = _grey(found, "images")
    said = [*flags, *colours, *_told_otherwise(found, scale)]
    most, sentence = _full_scale(images)
    field = np.ones(images[0].shape) if flat_field is None else _flat(flat_field, images[0].shape)
    values, clipped = np.empty((len(images), *images[0].shape), np.uint8), 0
    for k, image in enumerate(images):
        levels = np.rint(image * (255 / most) / field)
        clipped += int((levels > 255).sum())
        values[k] = np.minimum(levels, 255)
    if flat_field is not None:
        said.append(f"divided by the flat field; {clipped / values.size:.2%} of the pixels became white")
    said += sentence + [f"{found[k].name} is of one grey: it shows no particle" for k in range(len(values)) if not np.ptp(values[k])]
    return ImageStack(values, scale, tuple(said))


def fitted(stack: ImageStack, pixels: int, um_per_pixel: float) -> ImageStack:
    """The middle of every image at the pixel size and in the field of view of a model, told by flags where that changes anything.

    A larger pixel is the mean over its area, a smaller one lies on straight lines between the centres of those measured.

    Args:
        stack: As measured.
        pixels: Edge of the images of the model.
        um_per_pixel: Of the model.

    Raises:
        BadImage: The images show less than the model was trained on.
    """
    (height, width), step = stack.values.shape[1:], um_per_pixel / stack.um_per_pixel
    same = abs(step - 1) < 1e-6
    if same and height == width == pixels:
        return stack
    # Half a pixel may be missing, which is a matter of rounding.
    if (pixels - 0.5) * step > min(height, width) * (1 + 1e-9):
        field = f"{width * stack.um_per_pixel:g} x {height * stack.um_per_pixel:g} um"
        wanted = f"the model was trained on {pixels * um_per_pixel:g} x {pixels * um_per_pixel:g} um"
        raise BadImage(
            f"they show {field}, {wanted}", "images", "check um_per_pixel, give larger images, or use a model of a smaller field"
        )
    rows, columns = (_resampling(size, pixels, step) for size in (height, width))
    values = np.stack([np.rint(rows @ image @ columns.T) for image in stack.values.astype(float)]).astype(np.uint8)
    flags = list(stack.flags)
    if not same:
        flags.append(f"resampled from {stack.um_per_pixel:g} to {um_per_pixel:g} um per pixel")
    if step < 1 - 1e-6:
        flags.append("the images are coarser than those the model was trained on: small particles may be missed")
    share = min(1.0, (pixels * step) ** 2 / (height * width))
    if share < 1 - 1e-6:
        flags.append(f"cropped to the middle {pixels * um_per_pixel:g} x {pixels * um_per_pixel:g} um, {share:.0%} of each image")
    return ImageStack(values, um_per_pixel, tuple(flags))


def read_psd(text: str) -> Distribution:
    """The distribution of a CSV text with the columns bin_low_um, bin_high_um, fraction and weighting, one line for each bin.

    Fractions that differ from one in sum by up to 1 %, as rounded ones do, are scaled.

    Raises:
        BadDistribution: A column, line, bin or fraction is missing or wrong, or the weighting is not told.
    """
    lines = [line for line in text.lstrip("\ufeff").splitlines() if line.strip()]
    if not lines:
        raise BadDistribution("it is empty", "file", f"give the columns {', '.join(COLUMNS)}")
    between = max(",;\t", key=lines[0].count)
    header, *rows = ([cell.strip() for cell in row] for row in csv.reader(StringIO("\n".join(lines)), delimiter=between))
    if sorted(header) != sorted(COLUMNS):
        wrong = next((name for name in COLUMNS if name not in header), "file")
        raise BadDistribution(f"the columns are {', '.join(header)[:200]}", wrong, f"give exactly {', '.join(COLUMNS)}")
    if not rows or any(len(row) != len(COLUMNS) for row in rows):
        raise BadDistribution("there are no bins, or lines with more or fewer cells", "file", f"give {', '.join(COLUMNS)} in every line")
    column = {name: [row[header.index(name)] for row in rows] for name in COLUMNS}
    low, high, fraction = (_numbers(column[name], name) for name in COLUMNS[:3])
    gaps = np.flatnonzero(np.abs(low[1:] / high[:-1] - 1) > 1e-6)
    if len(gaps):
        told = f"bin {gaps[0] + 2} begins at {low[gaps[0] + 1]:g}, the one before ends at {high[gaps[0]]:g}"
        raise BadDistribution(told, "bin_low_um", "sort the bins, and give empty ones with fraction 0")
    if len(set(column["weighting"])) > 1:
        raise BadDistribution("it is not the same in all lines", "weighting", "write a file for each weighting")
    return Distribution(np.append(low, high[-1]), _scaled(fraction), cast(Weighting, column["weighting"][0]))


def write_psd(distribution: Distribution) -> str:
    """The CSV text from which ``read_psd`` reads the same distribution, bit for bit."""
    edges = distribution.edges.tolist()
    rows = zip(edges[:-1], edges[1:], distribution.shares.tolist(), strict=True)
    return "\n".join([",".join(COLUMNS), *(f"{low!r},{high!r},{share!r},{distribution.weighting}" for low, high, share in rows)]) + "\n"


def _numbers(cells: Sequence[str], name: str) -> FloatArray:
    try:
        values = np.array([float(cell) for cell in cells])
    except ValueError as error:
        raise BadDistribution(str(error), name, "write numbers, with a point for decimals") from error
    if not np.isfinite(values).all() or values.min() < 0:
        raise BadDistribution("not all are finite and 0 or more", name, "correct the line; bins without particles have fraction 0")
    if name != "fraction" and values.min() == 0:
        raise BadDistribution("a bin begins or ends at 0, which has no logarithm", name, "give the smallest diameter that is in the bin")
    return values


def _scaled(fraction: FloatArray) -> FloatArray:
    total = float(fraction.sum())
    if abs(total - 1) > _ALIKE:
        remedy = "divide percent by 100" if abs(total - 100) <= 100 * _ALIKE else "give shares of bins, not densities or cumulative ones"
        raise BadDistribution(f"they add up to {total:g}, not 1", "fraction", remedy)
    return fraction if abs(total - 1) <= TOLERANCE else fraction / total


def _check_scale(um_per_pixel: float | None) -> float:
    if um_per_pixel is None:
        raise BadImage("it is missing", "um_per_pixel", "tell the edge of a pixel in the suspension, in um, as calibrated")
    if not 0 < um_per_pixel < np.inf:
        raise BadImage(f"{um_per_pixel!r} is no size", "um_per_pixel", "give um above 0")
    return float(um_per_pixel)


def _told_otherwise(found: Sequence[Picture], um_per_pixel: float) -> list[str]:
    told = {picture.um_per_pixel for picture in found if picture.um_per_pixel is not None}
    other = sorted(size for size in told if abs(size / um_per_pixel - 1) > _ALIKE)
    return [f"the file tells {size:g} um per pixel, {um_per_pixel:g} was told and used" for size in other]


def _grey(found: Sequence[Picture], field: str) -> tuple[list[npt.NDArray[Any]], list[str]]:
    """Images of one size and type (height, width), and what was done to them."""
    first = found[0].values
    for picture in found:
        if picture.values.shape[:2] != first.shape[:2]:
            sizes = [" x ".join(map(str, values.shape[1::-1])) for values in (picture.values, first)]
            told = f"{picture.name} has {sizes[0]} pixels, {found[0].name} {sizes[1]}"
            raise BadImage(told, field, "give images of one camera, all uncropped or cropped alike")
        if picture.values.dtype != first.dtype:
            told = f"{picture.name} has {picture.values.dtype}, {found[0].name} {first.dtype} pixels"
            raise BadImage(told, field, "save all images with the same depth")
        if picture.values.dtype.kind == "f" and not np.isfinite(picture.values).all():
            told = f"{picture.name} has {(~np.isfinite(picture.values)).sum()} pixels that are not finite"
            raise BadImage(told, field, "replace them, or leave the image out")
    colours = sum(picture.values.ndim == 3 for picture in found)
    return [_luma(picture.values) for picture in found], [f"{colours} images in colour were turned grey"] if colours else []


def _luma(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if values.ndim == 2:
        return values
    grey = values @ np.array(_LUMA)
    return np.asarray((np.rint(grey) if values.dtype.kind == "u" else grey).astype(values.dtype))


def _full_scale(images: Sequence[npt.NDArray[Any]]) -> tuple[float, list[str]]:
    """The value that becomes white, and what is said about it."""
    least, most = min(float(image.min()) for image in images), max(float(image.max()) for image in images)
    if images[0].dtype == np.uint8:
        return 255.0, []
    if images[0].dtype == np.uint16:
        bits = next(bits for bits in _BITS if most < 2**bits)
        return 2.0**bits - 1, [f"pixels of 16 bit, {most:g} at most, were taken for {bits} bit and scaled to 8"]
    if least < 0 or most > 255:
        raise BadImage(f"pixels go from {least:g} to {most:g}", "images", "scale fractions to 0 to 1, or grey levels to 0 to 255")
    full = 1.0 if most <= 1 else 255.0
    return full, [f"pixels that are fractions were taken to be black at 0 and white at {full:g}"]


def _flat(source: bytes | Path, shape: tuple[int, ...]) -> FloatArray:
    """The flat field over its mean, shape (height, width)."""
    images, _ = _grey(pictures(source, "flat_field")[0], "flat_field")
    mean = np.mean(np.stack(images).astype(float), axis=0)
    if mean.shape != shape:
        told = f"{mean.shape[1]} x {mean.shape[0]} pixels, the images have {shape[1]} x {shape[0]}"
        raise BadImage(told, "flat_field", "take it with the camera settings of the images")
    if mean.min() <= 0:
        raise BadImage(
            f"{(mean <= 0).sum()} pixels are black", "flat_field", "take it bright, without a lens cap, and average several images"
        )
    return np.asarray(mean / mean.mean())


def _resampling(size: int, pixels: int, step: float) -> FloatArray:
    """Weights (pixels, size) of the pixels of a line in those of a model, which are ``step`` times as large, around its middle.

    Each is the mean over its own width, or over that of a measured pixel where that is larger: straight lines between centres.
    """
    # A whole pixel as the first one keeps a plain crop, and a whole step, exact.
    start = max(round((size - pixels * step) / 2), 0)
    middle = start + (np.arange(pixels)[:, None] + 0.5) * step
    low, high = middle - max(step, 1) / 2, middle + max(step, 1) / 2
    at = np.arange(size)
    overlap = np.clip(np.minimum(high, at + 1) - np.maximum(low, at), 0, None)
    return np.asarray(overlap / overlap.sum(axis=1, keepdims=True))
