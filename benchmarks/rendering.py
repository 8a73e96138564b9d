"""Speed of the renderer of particle pictures, and how well its particles could be measured: ``python -m benchmarks.rendering``.

Speeds are those of one core: stacks of five images per CPU second, of random suspensions. The bound is what 400 unseen stacks would
give where every particle is measured without error, next to the figures of the prototype that the system came from.
"""

from __future__ import annotations

import time

import numpy as np
from rich.console import Console

from closedloop.bench import table
from models import metrics
from models.psd.bins import CENTRES
from models.psd.counting import perfect
from models.psd.particles import FIELD, true_particles
from models.psd.render import STANDARD, drawable, paint, stack, transmission
from models.psd.suspension import Suspension, drawn

STACKS, IMAGES = 400, 5
_SPEED, _COSINE, _W1 = 100.0, 0.960, 0.061


def suspensions(stacks: int = STACKS, seed: int = 9) -> list[Suspension]:
    """Random suspensions of spheres."""
    return [drawn(np.random.default_rng([seed, row])) for row in range(stacks)]


def speed_rows(of: list[Suspension]) -> list[dict[str, object]]:
    """Stacks per CPU second, of either size of pictures."""
    stack(of[0], 0)
    rows = []
    for pixels in (128, 64):
        began = time.process_time()
        for seed, suspension in enumerate(of):
            stack(suspension, seed, IMAGES, pixels)
        value = len(of) / (time.process_time() - began)
        name = f"stacks of {IMAGES} images of {pixels} px per CPU second"
        rows.append({"name": name, "value": value, "unit": "1/s", "target": _SPEED, "met": value >= _SPEED})
    return rows


def painter_rows(of: list[Suspension]) -> list[dict[str, object]]:
    """How much faster the compiled painter is than the reference, and the largest difference between their pictures."""
    differences, seconds = [0.0], np.zeros(2)
    for seed, suspension in enumerate(of):
        (particles,) = true_particles(suspension, seed, 1)
        marks = [time.process_time()]
        compiled = transmission(particles, 128, FIELD / 128, STANDARD)
        marks.append(time.process_time())
        passed = np.ones_like(compiled)
        paint(passed, drawable(particles, FIELD / 128, STANDARD))
        marks.append(time.process_time())
        seconds += np.diff(marks)
        differences.append(float(np.abs(compiled - passed).max()) * STANDARD.level)
    worst = max(differences)
    return [
        {"name": "compiled painter over the reference", "value": seconds[1] / seconds[0], "unit": "times", "target": None, "met": None},
        {"name": "largest difference between them", "value": worst, "unit": "grey levels", "target": 1.0, "met": worst <= 1},
    ]


def bound_rows(of: list[Suspension]) -> list[dict[str, object]]:
    """Mean cosine and Wasserstein-1 in ln d of perfect measurements: of whole particles, and of those cut by the border too."""
    truth, rows = np.array([one.shares() for one in of]), list[dict[str, object]]()
    for cut in (False, True):
        told = np.array([perfect(one, seed, IMAGES, cut=cut) for seed, one in enumerate(of)])
        found = metrics.distributions(truth, told, np.log(CENTRES))
        kind = "all particles" if cut else "whole particles"
        rows.append({"name": f"{kind}: cosine", "value": found["cosine"], "unit": "", "target": None if cut else _COSINE, "met": None})
        rows.append({"name": f"{kind}: W1", "value": found["wasserstein"], "unit": "ln d", "target": None if cut else _W1, "met": None})
    return rows


if __name__ == "__main__":
    random = suspensions()
    Console().print(table([*speed_rows(random), *painter_rows(random[:100]), *bound_rows(random)]))
