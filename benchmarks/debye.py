"""Debye's sum of one cluster, ours beside DebyeCalculator's, in one run: ``python -m benchmarks.debye``.

Both sum clusters of 5 083 silver atoms, a piece of a crystal and one that is none, at 1 999 points, on one thread. Ours is
timed whole: building the cluster, counting distances, summing, and the curve. Of the calls of each the cheapest counts, which
leaves first calls out. Intensities are compared up to a factor, since DebyeCalculator tells half the customary one.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.peers import ADAPTERS, console, environment, one_thread
from models.scattering.curves import Q, Sample, intensity
from models.scattering.debye import debye_sum

SHAPES, SIZE = ("cuboctahedron", "icosahedron"), 11
TARGET = 5.0
"""How many times faster ours has to be."""
_BISO, _CALLS = 0.3, 3


@dataclass(frozen=True)
class Row:
    """A cluster.

    Attributes:
        cluster: Shape and size.
        atoms: Their number.
        ours_cpu_s: Of the cheapest call.
        theirs_cpu_s: The same of DebyeCalculator.
        ratio: Theirs over ours.
        deviation: Largest relative difference of the curves, once one is scaled to the other.
    """

    cluster: str
    atoms: int
    ours_cpu_s: float
    theirs_cpu_s: float
    ratio: float
    deviation: float


def measured(shape: str, size: int = SIZE, calls: int = _CALLS) -> Row:
    """Time both on the same cluster."""
    sample = Sample(shape, size, (("Ag", 1.0),), _BISO)
    seconds = []
    with threadpool_limits(1):
        for _ in range(calls):
            debye_sum.cache_clear()
            began = time.process_time()
            curve = intensity(sample)
            seconds.append(time.process_time() - began)
    theirs = _asked(sample, calls)
    return _row(sample, min(seconds), curve, theirs)


def _row(sample: Sample, ours: float, curve: Any, theirs: dict[str, Any]) -> Row:
    other, cheapest = np.array(theirs["curve"]), min(theirs["cpu_s"])
    factor = np.median(other / curve)
    deviation = float(np.abs(other / (factor * curve) - 1).max())
    return Row(f"{sample.shape} {sample.size}", sample.atoms, ours, cheapest, cheapest / ours, deviation)


def _asked(sample: Sample, calls: int) -> dict[str, Any]:
    """What DebyeCalculator answers, in an environment of its own."""
    step = float(Q[1] - Q[0])
    axis = {"low": float(Q[0]), "high": float(Q[-1] + step / 2), "step": step}
    request = {"element": sample.composition[0][0], "points": sample.points.tolist(), "biso": sample.biso, "calls": calls} | axis
    command = [str(environment("debye")), "debye_peer.py"]
    done = subprocess.run(  # noqa: S603
        command, cwd=ADAPTERS, env=one_thread(), input=json.dumps(request), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"DebyeCalculator ended with status {done.returncode}: {done.stderr.strip()[-500:]}")
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def main() -> None:
    """Measure, and print the ratios; ends with status 1 where one is below the target."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="write the figures here too")
    given = parser.parse_args()
    rows = [measured(shape) for shape in SHAPES]
    for row in rows:
        console.print(
            f"{row.cluster}, {row.atoms} atoms: ours {row.ours_cpu_s:.3f} CPU s, DebyeCalculator {row.theirs_cpu_s:.3f}, "
            f"ratio {row.ratio:.1f} (target {TARGET:g}); curves differ by {row.deviation:.1e} at most"
        )
    if given.json:
        given.json.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")
    if min(row.ratio for row in rows) < TARGET:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
