"""Radicals in their quasi-steady state, and what they do to the monomer and to the chains over time.

Notation: S, T concentrations of chain-end and mid-chain radicals; P(n), Q(n) those of n units; r = Q/P; M monomer, R rate
at which the initiator starts radicals; U macromonomers; v units that a radical gains per time; g, H of
``models.polymer.chains``. Events of termination are counted, and each removes two radicals: kss S^2 + 2 kst S T + ktt T^2.

P(n) = A exp(-(c0 n + c1 H(n))): c0 is transfer per unit gained; and as every radical that the initiator starts ends in a
pair, c1 = sqrt(2 R K) / v with K = kss + 2 kst r + ktt r^2. What remains, M(t) and its like, are integrals over time of
rates that hardly depend on them: they are found at Gauss nodes of the time of each recipe by Picard's iteration.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from models.polymer.chains import Chains
from models.polymer.coefficients import ZERO, Coefficients
from models.surrogate import FloatArray

TIMES = 12
"""Gauss nodes in time."""
SWEEPS = 14
"""Of Picard's iteration."""
_STRIDE = 3.0
"""Largest factor by which a sweep changes the monomer."""


@dataclass(frozen=True, eq=False)
class Mixture:
    """What a recipe fixes, shape (n, 1) each but for R.

    Attributes:
        k: Coefficients at the temperature of each recipe, ``coefficients.json`` and the products ktrS and kmac.
        M0: Monomer at the start in mol/L.
        solvent: In mol/L, by ideal volumes.
        half: Half the time in s.
        R: Radicals that start, in mol/L/s, at the nodes in time, shape (n, TIMES).
    """

    k: dict[str, FloatArray]
    M0: FloatArray
    solvent: FloatArray
    half: FloatArray
    R: FloatArray

    @classmethod
    def of(cls, X: FloatArray, coefficients: Coefficients) -> Mixture:
        """The mixtures of recipes (n, 4)."""
        M0, I0, celsius, time = X.T[:, :, None]
        k = coefficients.at(celsius + ZERO)
        k["ktrS"], k["kmac"] = k["Cs"] * k["kp"], k["macro"] * k["kp"]
        solvent = (1 - M0 / coefficients.pure) * k["solvent_density"] / k["solvent_mass"]
        R = 2 * k["f"] * k["kd"] * I0 * np.exp(-k["kd"] * time / 2 * (_gauss()[0] + 1))
        return cls(k, M0, solvent, time / 2, R)

    def until(self, rate: FloatArray) -> FloatArray:
        """Integral over time up to each node, of rates at the nodes, shape (n, TIMES)."""
        return np.asarray(self.half * (rate @ _gauss()[2]))

    def total(self, rate: FloatArray) -> FloatArray:
        """Integral over the whole time, of rates at the nodes, shape (n,)."""
        return np.asarray(self.half[:, 0] * (rate @ _gauss()[1]))

    @property
    def weights(self) -> FloatArray:
        """Of the nodes in the integral over the whole time, shape (n, TIMES)."""
        return np.asarray(self.half * _gauss()[1])


@dataclass(frozen=True, eq=False)
class State:
    """What the sweeps make consistent, at the nodes in time, shape (n, TIMES) each.

    Attributes:
        M: Monomer in mol/L.
        pairing: Rate at which a mid-chain radical terminates on average, in 1/s.
        phi: Share of the sum of g P that those of 3 units and more have.
        U: Macromonomers from the long side of a scission in mol/L; there are as many of 3 units.
        U1: Their units in mol/L.
        L2: Second moment of the chains in mol/L.
    """

    M: FloatArray
    pairing: FloatArray
    phi: FloatArray
    U: FloatArray
    U1: FloatArray
    L2: FloatArray


@dataclass(frozen=True, eq=False)
class Radicals:
    """Populations P(n) = A exp(-(c0 n + c1 H(n))) and Q(n) = r P(n) from 3 units on, shape (n, TIMES) each.

    Attributes:
        A: In mol/L.
        c0: Exponent per unit.
        c1: Exponent per unit of H.
        S: Chain-end radicals in mol/L.
        T: Mid-chain radicals in mol/L.
        GS: Sum of g P.
        GT: Sum of g Q.
        r: Q/P.
        pairing: As in ``State``.
        phi: As in ``State``.
        mean: Units of a radical on average.
        moving: The same, weighted with g: of those that terminate.
        loss: Rate per radical of transfer to anything, scission included, in 1/s.
        again: Rate per radical of the reaction with a long macromonomer, in 1/s.
        grown: Share of the radicals that have so reacted.
    """

    A: FloatArray
    c0: FloatArray
    c1: FloatArray
    S: FloatArray
    T: FloatArray
    GS: FloatArray
    GT: FloatArray
    r: FloatArray
    pairing: FloatArray
    phi: FloatArray
    mean: FloatArray
    moving: FloatArray
    loss: FloatArray
    again: FloatArray
    grown: FloatArray


def solve(mixture: Mixture, chains: Chains) -> tuple[State, Radicals]:
    """State and radicals of mixtures over their time."""
    M = np.repeat(mixture.M0, TIMES, axis=1)
    zero = np.zeros_like(M)
    state = State(M, zero, zero + 1, zero, zero, zero)
    for _ in range(SWEEPS):
        state = _advance(state, radicals(state, mixture, chains), mixture)
    return state, radicals(state, mixture, chains)


def radicals(y: State, mixture: Mixture, chains: Chains) -> Radicals:
    """The radicals in a state."""
    k, M = mixture.k, y.M
    polymer, again = k["ktrP"] * (mixture.M0 - M), k["kmac"] * y.U
    r = (k["kbb"] + 2 * again + polymer) / (k["kpt"] * M + k["kb"] + y.pairing)
    v = k["kp"] * M + (k["kpt"] * M - 1.5 * k["kb"]) * r
    K = k["kss"] + 2 * k["kst"] * r * y.phi + k["ktt"] * (r * y.phi) ** 2
    loss = k["ktrM"] * M + k["ktrS"] * mixture.solvent + polymer + k["kb"] * r / 2
    c0, c1 = np.log1p((loss + again) / v), np.sqrt(2 * mixture.R * K) / v
    J, Jg, Jn, Jng, J3, Jg3 = chains.sums(c0, c1)
    GS = np.sqrt(mixture.R / (2 * K))
    A, phi = GS / Jg, Jg3 / Jg
    pairing = 2 * Jg3 / J3 * GS * (k["kst"] + k["ktt"] * r * phi)
    S = A * J
    # The balance of the units in radicals: gained by growth, reaction with macromonomers and revived chains; lost with chains.
    leaving = loss + v * c1 * Jng / Jn
    mean = (v + k["kmac"] * (y.U1 + 3 * y.U) + k["ktrP"] * y.L2) / leaving
    return Radicals(
        A, c0, c1, S, r * A * J3, GS, r * phi * GS, r, pairing, phi, mean, mean * Jng / Jn * J / Jg, loss, again, again / leaving
    )


def _advance(y: State, x: Radicals, mixture: Mixture) -> State:
    k = mixture.k
    scission, fading = k["kb"] * x.T / 2, k["kmac"] * x.S
    # A first sweep may use far too much monomer; a step that is bounded leads back.
    M = y.M * np.clip(mixture.M0 * np.exp(-mixture.until(monomer_decay(y, x, mixture))) / y.M, 1 / _STRIDE, _STRIDE)
    U = mixture.until(scission - fading * y.U)
    U1 = mixture.until(scission * (x.mean - 2) - fading * y.U1)
    return State(M, x.pairing, x.phi, U, U1, mixture.until(second_moment(y, x, mixture)))


def monomer_decay(y: State, x: Radicals, mixture: Mixture) -> FloatArray:
    """-d ln M / dt in 1/s."""
    k = mixture.k
    starts = mixture.R + k["ktrS"] * mixture.solvent * x.S
    return np.asarray((k["kp"] + k["ktrM"]) * x.S + k["kpt"] * x.T + starts / y.M)


def chain_count(y: State, x: Radicals, mixture: Mixture) -> FloatArray:
    """Dead chains and macromonomers made per time, less those that react again, in mol/L/s."""
    k = mixture.k
    transfer = (k["ktrM"] * y.M + k["ktrS"] * mixture.solvent) * x.S + k["kb"] * x.T
    pairs = (1 + k["dss"]) * k["kss"] * x.GS**2 + 2 * (1 + k["dst"]) * k["kst"] * x.GS * x.GT + (1 + k["dtt"]) * k["ktt"] * x.GT**2
    return np.asarray(transfer + pairs - 2 * x.again * x.S)


def second_moment(y: State, x: Radicals, mixture: Mixture) -> FloatArray:
    """Growth of the sum of n^2 over all chains in mol/L/s."""
    k = mixture.k
    growth = k["kp"] * y.M * x.S * (2 * x.mean + 1) + k["kpt"] * y.M * x.T * (2 * x.mean + 1)
    starts = mixture.R + (k["ktrM"] * y.M + k["ktrS"] * mixture.solvent) * x.S
    pairs = (1 - k["dss"]) * k["kss"] * x.GS**2 + 2 * (1 - k["dst"]) * k["kst"] * x.GS * x.GT + (1 - k["dtt"]) * k["ktt"] * x.GT**2
    again = 2 * k["kmac"] * x.S * x.mean * (y.U1 + 3 * y.U)
    return np.asarray(growth + starts + 2 * pairs * x.moving**2 + again - k["kb"] * x.T * (5 * x.mean - 13))


@cache
def _gauss() -> tuple[FloatArray, FloatArray, FloatArray]:
    """Nodes of (-1, 1), weights, and from values at the nodes to their integral up to each node, shape (TIMES, TIMES)."""
    legendre = np.polynomial.legendre
    x, weights = legendre.leggauss(TIMES)
    values = legendre.legvander(x, TIMES - 1)
    integrals = np.column_stack([legendre.legval(x, legendre.legint(row, lbnd=-1)) for row in np.eye(TIMES)])
    return np.asarray(x), np.asarray(weights), np.asarray(np.linalg.solve(values.T, integrals.T), float)
