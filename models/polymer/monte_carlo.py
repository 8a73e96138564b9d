"""Kinetic Monte Carlo of the same scheme, molecule by molecule: the truth against which the semi-analytic solution is tested.

Gillespie's direct method (J. Phys. Chem. 81, 2340 (1977)) on single radicals of known length and single dead chains. It
shares with ``models.polymer.kinetics`` the scheme, the coefficients and the composite law, and nothing of the solution: no
quasi-steady state, no mean chain length, no continuous length. Needs numba: ``pip install "closedloop[monte-carlo]"``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.polymer.chains import STEP, Chains, edges
from models.polymer.coefficients import ZERO, BadPolymer, Coefficients
from models.polymer.kinetics import check_recipes
from models.surrogate import FloatArray, IntArray

_RADICALS, _CHAINS = 65536, 0.1
"""Radicals that fit in, and chains per molecule of monomer."""
_LONGEST = 200_000
"""Units of the longest radical whose termination is told from that of a longer one."""


@dataclass(frozen=True, eq=False)
class Sample:
    """Chains of a simulated volume.

    Attributes:
        conversion: Share of the monomer that has reacted.
        lengths: Units of every dead chain and macromonomer, shape (chains,).
        mass: Of a unit in g/mol.
    """

    conversion: float
    lengths: IntArray
    mass: float

    @property
    def Mn(self) -> float:
        """Number average in g/mol."""
        return float(self.mass * self.lengths.mean())

    @property
    def Mw(self) -> float:
        """Mass average in g/mol."""
        n = self.lengths.astype(float)
        return float(self.mass * (n @ n) / n.sum())

    def mmd(self) -> FloatArray:
        """w(log10 M) at ``chains.LOG_M`` with unit area, shape (100,); a chain of n units is spread from n - 1/2 to n + 1/2."""
        units = np.bincount(self.lengths) * np.arange(self.lengths.max() + 1.0)
        below = np.interp(edges(self.mass), np.arange(len(units)) + 0.5, np.cumsum(units))
        return np.asarray(np.diff(below) / (np.diff(below).sum() * STEP))


def simulate(x: FloatArray, coefficients: Coefficients, molecules: float = 3e8, seed: int = 0) -> Sample:
    """Chains of a recipe x (4,), columns ``coefficients.RECIPE``, grown in a volume with so many molecules of monomer.

    Below 1e8 molecules there are too few live radicals at once for quasi-steady figures to 1 %.

    Raises:
        BadPolymer: It is no recipe.
        ImportError: Numba is not installed.
    """
    check_recipes(x[None], coefficients)
    try:
        from models.polymer.events import run
    except ModuleNotFoundError as error:
        raise ImportError('the Monte Carlo needs numba: pip install "closedloop[monte-carlo]"') from error
    k = {name: float(value) for name, value in coefficients.at(np.asarray(x[2] + ZERO)).items()}
    per_mole = molecules / x[0]
    solvent = (1 - x[0] / coefficients.pure) * k["solvent_density"] / k["solvent_mass"]
    chains = Chains(k["order_short"], k["order_long"], k["crossover"], k["monomer_mass"])
    g = chains.g(np.maximum(np.arange(_LONGEST + 1.0), 1.0))
    first = np.array([k["kd"], k["kbb"], k["kb"], k["Cs"] * k["kp"] * solvent])
    second = np.array([k["kp"], k["kpt"], k["ktrM"], k["ktrP"], k["macro"] * k["kp"], k["kss"], k["kst"], k["ktt"]]) / per_mole
    shares = np.array([k["f"], k["dss"], k["dst"], k["dtt"]])
    count = np.array([0, 0, 0, 0, int(molecules), int(x[1] * per_mole), 0])
    radical, chain = np.zeros((2, _RADICALS), np.int64), np.zeros((2, int(molecules * _CHAINS)), np.int32)
    if not run(count, float(x[3]), first, second, shares, g, radical, chain, seed):
        raise BadPolymer("more chains than room was made for", "molecules", "give fewer, or a recipe with longer chains")
    return Sample(1 - count[4] / int(molecules), np.concatenate([chain[0, : count[2]], chain[1, : count[3]]]), k["monomer_mass"])
