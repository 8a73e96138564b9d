"""Fit the virtual lab's growth rules to the published silver data: ``python -m benchmarks.fit_nanoparticle FILE``.

Prints how the simulated losses agree with the measured medians, in the sample and in cross-validation, the droplet noise
next to the measured one, and the time of 1 000 spectra. With ``--write`` the fitted constants go into the package.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from models.nanoparticle.growth import published
from models.nanoparticle.lab import VirtualLab
from optimizer.nanoparticle import STARTS, agreement, fit, foretold, losses, objective
from optimizer.types import FloatArray

CONSTANTS = Path(__file__).parent.parent / "models" / "nanoparticle" / "constants.json"
FOLDS, BLOCK = 5, 15
"""Folds of conditions dealt at random; conditions of a round of the published campaign, which are much alike."""
OUTLIER_MAD = 3.5


def read(path: Path) -> tuple[FloatArray, list[FloatArray]]:
    """Recipes (n, 5) of the published file, and the losses of their replicates, in file order."""
    rows = np.loadtxt(path, delimiter=",", skiprows=1)
    starts = np.flatnonzero(np.r_[True, (np.diff(rows[:, :5], axis=0) != 0).any(axis=1)])
    return rows[starts, :5], np.split(rows[:, 5], starts[1:])


def simulated(X: FloatArray, counts: Sequence[int], seed: int = 0) -> list[FloatArray]:
    """Losses of as many simulated replicates of recipes (n, 5) as were measured."""
    lab, loss = VirtualLab(), objective()
    wells = zip(X, counts, strict=True)
    return [loss.losses(lab.measure(x, k, np.random.default_rng([seed, well]))).loss for well, (x, k) in enumerate(wells)]


def noise_figures(replicates: Sequence[FloatArray]) -> dict[str, float]:
    """What tells the noise of one lab from that of another.

    Returns:
        Scaled MAD of the wells at its 5, 50 and 95 % points, share of the rows beyond 3.5 of them, and the median over the
        wells of the correlation of successive replicates, where they differ.
    """
    mads = np.array([1.4826 * np.median(np.abs(well - np.median(well))) for well in replicates])
    far = [np.abs(well - np.median(well)) > OUTLIER_MAD * mad for well, mad in zip(replicates, mads, strict=True)]
    following = [np.corrcoef(well[1:], well[:-1])[0, 1] for well in replicates if np.ptp(well)]
    low, middle, high = np.percentile(mads, [5, 50, 95])
    return {
        "mad_5%": float(low),
        "mad_50%": float(middle),
        "mad_95%": float(high),
        "outliers": float(np.concatenate(far).mean()),
        "autocorrelation": float(np.median(following)),
    }


def speed(count: int = 1000) -> float:
    """Seconds for so many noise-free spectra, the optics of the ensembles included."""
    X = np.random.default_rng(0).uniform([4, 10, 0.5, 0.5, 200], [45, 40, 30, 20, 1000], (count, 5))
    begin = time.perf_counter()
    VirtualLab().spectra(X)
    return time.perf_counter() - begin


def _write(fitted: dict[str, float]) -> None:
    document = json.loads(CONSTANTS.read_text())
    for line in document["constants"]:
        line["value"] = fitted.get(line["name"], line["value"])
    rows = ",\n".join(f"    {json.dumps(line)}" for line in document.pop("constants"))
    head = json.dumps(document, indent=2).removesuffix("\n}")
    CONSTANTS.write_text(f'{head},\n  "constants": [\n{rows}\n  ]\n}}\n')


def _print(title: str, figures: dict[str, float]) -> None:
    print(f"{title:<28}" + "  ".join(f"{name} {value:.4f}" for name, value in figures.items()), flush=True)


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__.partition(":")[0])
    parser.add_argument("file", type=Path, help="AgNP_dataset.csv; `closedloop data fetch agnp` fetches it")
    parser.add_argument("--starts", type=int, default=STARTS, help="local fits, of which the best one counts")
    parser.add_argument("--write", action="store_true", help="write the constants into the package")
    arguments = parser.parse_args()
    print(f"1 000 spectra in {speed():.2f} s", flush=True)
    X, replicates = read(arguments.file)
    y = np.array([np.median(well) for well in replicates])
    _print("the package, in sample", agreement(losses(X, published()), y))
    _print("noise, measured", noise_figures(replicates))
    _print("noise, simulated", noise_figures(simulated(X, [len(well) for well in replicates])))
    fitted = fit(X, y, arguments.starts)
    if arguments.write:
        _write(fitted)
    _print(f"fit of {len(fitted)}, in sample", agreement(losses(X, fitted), y))
    shuffled, blocks = np.random.default_rng(0).permutation(len(y)) % FOLDS, np.arange(len(y)) // BLOCK
    _print(f"fit, {FOLDS}-fold", agreement(foretold(X, y, shuffled, arguments.starts), y))
    _print("fit, block by block", agreement(foretold(X, y, blocks, arguments.starts), y))


if __name__ == "__main__":
    main()
