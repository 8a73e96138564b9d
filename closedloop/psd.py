"""The part of the client that reads sizes of particles from images, and asks the virtual crystallization lab."""

from __future__ import annotations

import io
import zipfile
from base64 import b64decode
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypedDict

from closedloop.connection import Connection, path_of
from closedloop.errors import ClosedLoopError

if TYPE_CHECKING:
    from closedloop.studies import Figure
    from closedloop.surrogates import Verdict

Weighting = Literal["number", "volume"]
_ENDINGS = (".png", ".tif", ".tiff")

Means = TypedDict(
    "Means",
    {"D10": float, "D50": float, "D90": float, "span": float, "D[1,0]": float, "D[3,2]": float, "D[4,3]": float},
)
"""What a distribution comes to; diameters in um."""


class Pictures(Means):
    """A suspension, and pictures of it as PNG."""

    shares: list[float]
    phi: float
    images: list[bytes]


class Suspensions(TypedDict):
    """Pictures of suspensions; ``edges`` of the bins in um."""

    weighting: Weighting
    edges: list[float]
    um_per_pixel: float
    stacks: list[Pictures]


class Crystals(Means):
    """What a recipe gives, and stacks of pictures of it as PNG."""

    shares: list[float]
    phi: float
    stacks: list[list[bytes]]


class Batches(TypedDict):
    """What the virtual crystallization lab made; ``edges`` of the bins in um."""

    weighting: Weighting
    edges: list[float]
    um_per_pixel: float
    batches: list[Crystals]


class SizeBand(TypedDict):
    """Lower and upper ends by the bootstrap over the images."""

    draws: int
    shares: list[list[float]]
    cumulative: list[list[float]]
    marks: dict[str, list[float]]


class SizeReading(Means):
    """What a model reads from images."""

    surrogate: str
    weighting: Weighting
    edges: list[float]
    centres: list[float]
    shares: list[float]
    density: list[float]
    cumulative: list[float]
    level: float
    low: list[float] | None
    high: list[float] | None
    bootstrap: SizeBand | None
    conversion: dict[str, Any] | None
    images: dict[str, float]
    validity: Verdict
    flags: list[str]
    figures: list[Figure]


class Sizes(Connection):
    """Reads sizes of particles from images, and simulates them; nothing is stored."""

    def simulate_psd(
        self, suspensions: Iterable[Mapping[str, Any]], *, images: int = 5, pixels: int = 64, seed: int = 0, **settings: Any
    ) -> Suspensions:
        """Take pictures of suspensions.

        Args:
            suspensions: ``modes`` with ``median`` in um, ``sigma`` and ``share``, and ``phi``; for spheroids ``aspect``.
            images: Of each.
            pixels: Along either side.
            seed: Of particles and noise.
            settings: ``weighting`` of the told shares, ``um_per_pixel``.

        Raises:
            InvalidInput: Names the suspension and the number at fault.
        """
        found = self._send("POST", "/simulate/psd", body=_asked(suspensions, images, pixels, seed, settings))
        for stack in found["stacks"]:
            stack["images"] = [b64decode(image) for image in stack["images"]]
        return found

    def simulate_psd_file(
        self,
        suspensions: Iterable[Mapping[str, Any]],
        path: str | Path,
        format: Literal["tiff", "zip", "npz"],
        *,
        images: int = 5,
        pixels: int = 64,
        seed: int = 0,
        **settings: Any,
    ) -> int:
        """The same as a file, and its size in bytes: a TIFF of one suspension, a zip file of PNG and CSV, or NPZ."""
        body = _asked(suspensions, images, pixels, seed, {**settings, "format": format})
        content = self._transport.send("POST", "/simulate/psd", body=body).content
        return Path(path).write_bytes(content)

    def simulate_crystallization(
        self,
        recipes: Iterable[Mapping[str, float]],
        replicates: int | None = None,
        *,
        images: int = 5,
        pixels: int = 64,
        weighting: Weighting = "number",
        seed: int = 0,
        error: int | None = None,
    ) -> Batches:
        """Size distributions of crystals, and pictures of the slurry.

        Args:
            recipes: ``seed_mass`` in g/kg, ``seed_size`` in um, ``cooling_time`` in min, ``profile``, ``supersaturation`` in %.
            replicates: Stacks of pictures of each; none when None.
            images: Of a stack.
            pixels: Along either side of a field of view of 1024 um.
            weighting: Of the told shares.
            seed: Of the pictures.
            error: Seed of a hidden error of the kinetics; the published kinetics when None.

        Raises:
            InvalidInput: Names the recipe and the quantity at fault.
        """
        chosen = {name: value for name, value in {"replicates": replicates, "error": error}.items() if value is not None}
        how = {"images": images, "pixels": pixels, "weighting": weighting, "seed": seed}
        found = self._send("POST", "/simulate/crystallization", body={"recipes": [dict(recipe) for recipe in recipes], **how, **chosen})
        for batch in found["batches"]:
            batch["stacks"] = [[b64decode(image) for image in stack] for stack in batch["stacks"]]
        return found

    def read_images(
        self,
        id: str,
        images: str | Path | Sequence[bytes],
        um_per_pixel: float,
        *,
        flat_field: str | Path | None = None,
        bootstrap: int = 0,
        weighting: Weighting | None = None,
        seed: int = 0,
    ) -> SizeReading:
        """What a model reads from images of one suspension.

        Args:
            id: The model.
            images: A multi-page TIFF, a PNG, a zip file or a folder of TIFF and PNG; or the contents of such files.
            um_per_pixel: Edge of a pixel in the suspension.
            flat_field: A file with images without particles.
            bootstrap: Stacks that are drawn from the images for a 90 % band; none when 0.
            weighting: What the shares shall count; as the model was trained when None.
            seed: Of the bootstrap.

        Raises:
            InvalidInput: The images cannot be read, or do not fit the model; the remedy says what to do.
            Conflict: The model is not trained, or tells no size distribution.
        """
        files = {"file": _packed(images)}
        if flat_field is not None:
            files["flat_field"] = _packed(flat_field)
        chosen = {"um_per_pixel": str(um_per_pixel), "bootstrap": str(bootstrap), "seed": str(seed)}
        if weighting is not None:
            chosen["weighting"] = weighting
        return self._send("POST", f"{path_of('surrogates', id)}/images", files=files, data=chosen)


def _asked(suspensions: Iterable[Mapping[str, Any]], images: int, pixels: int, seed: int, settings: Mapping[str, Any]) -> dict[str, Any]:
    return {"suspensions": [dict(one) for one in suspensions], "images": images, "pixels": pixels, "seed": seed, **settings}


def _packed(images: str | Path | Sequence[bytes]) -> tuple[str, bytes]:
    """Name and content of one file that holds the images."""
    if isinstance(images, str | Path):
        path = Path(images)
        if not path.is_dir():
            return path.name, path.read_bytes()
        files = {file.name: file.read_bytes() for file in sorted(path.iterdir()) if file.suffix.lower() in _ENDINGS}
        if not files:
            raise ClosedLoopError(f"{path} holds no image; images end in {', '.join(_ENDINGS)}")
    else:
        files = {f"image-{number:04d}{_ending(content)}": content for number, content in enumerate(images, 1)}
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return "images.zip", out.getvalue()


def _ending(content: bytes) -> str:
    return ".png" if content.startswith(b"\x89PNG") else ".tif"
