"""A picture of pictures: suspensions of small, large, mixed and elongated particles at low, middle and high concentration.

``python -m models.psd.gallery docs/gallery.png`` draws the one of the documentation. Needs Pillow: ``pip install "closedloop[images]"``.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from models.psd.render import stack
from models.psd.suspension import ASPECT, Mode, Suspension

PHI = (0.05, 0.15, 0.45)
"""Rows: one of each class of concentration."""
KINDS: Mapping[str, tuple[tuple[Mode, ...], tuple[float, float] | None]] = {
    "50 um": ((Mode(50, 0.1),), None),
    "110 um": ((Mode(110, 0.15),), None),
    "240 um": ((Mode(240, 0.1),), None),
    "20-300 um": ((Mode(80, 0.35),), None),
    "45 and 200 um": ((Mode(45, 0.1, 0.8), Mode(200, 0.1, 0.2)), None),
    "spheroids": ((Mode(110, 0.2),), ASPECT),
}
"""Columns: modes and aspect ratios."""
_GAP, _TOP, _LEFT = 4, 14, 54


def gallery(pixels: int = 128, seed: int = 7) -> npt.NDArray[np.uint8]:
    """The pictures, shape (rows, columns, pixels, pixels), of a field of 1024 um each."""
    made = [
        [stack(Suspension(modes, phi, aspect), (seed, i, j), 1, pixels)[0] for j, (modes, aspect) in enumerate(KINDS.values())]
        for i, phi in enumerate(PHI)
    ]
    return np.array(made)


def draw(path: str) -> None:
    """Write them side by side with captions, in the format of the file's name."""
    from PIL import Image, ImageDraw

    pictures = gallery()
    rows, columns, pixels, _ = pictures.shape
    step = pixels + _GAP
    sheet = Image.new("L", (_LEFT + columns * step, _TOP + rows * step), 255)
    pen = ImageDraw.Draw(sheet)
    for i, phi in enumerate(PHI):
        pen.text((2, _TOP + i * step + pixels // 2), f"phi {phi:g}", 0)
        for j, name in enumerate(KINDS):
            pen.text((_LEFT + j * step, 1), name, 0)
            sheet.paste(Image.fromarray(pictures[i, j]), (_LEFT + j * step, _TOP + i * step))
    sheet.save(path, optimize=True)


if __name__ == "__main__":
    draw(sys.argv[1])
