"""The molar mass distribution: what dies at each time, summed over time."""

from __future__ import annotations

import numpy as np

from models.polymer.chains import STEP, Chains, edges
from models.polymer.quasisteady import Mixture, Radicals, State
from models.surrogate import FloatArray


def distribution(y: State, x: Radicals, mixture: Mixture, chains: Chains) -> FloatArray:
    """w(log10 M) at ``chains.LOG_M`` with unit area, shape (n, 100)."""
    k, n = mixture.k, chains.lengths
    left, mid = survival(x, mixture), x.r * x.phi
    A = x.A * (1 - x.grown)
    alone = mixture.weights * A * (x.loss - k["kb"] * x.r / 2 * (1 - left))
    ends = k["dss"] * k["kss"] * x.GS + k["dst"] * k["kst"] * (x.GT + mid * x.GS) + k["dtt"] * k["ktt"] * mid * x.GT
    joins = (1 - k["dss"]) * k["kss"] + 2 * (1 - k["dst"]) * k["kst"] * mid + (1 - k["dtt"]) * k["ktt"] * mid**2
    parts = (x.c0, x.c1, alone, 2 * mixture.weights * A * ends, mixture.weights * A**2 * joins)
    number = np.array([_died(chains, *row) for row in zip(*parts, strict=True)])
    per_macromonomer = np.divide(y.U, y.U1, out=np.ones_like(y.U), where=y.U1 > 0)
    grown = _lengthened(n, 1 / x.mean[..., None], per_macromonomer[..., None])
    number += np.einsum("ij,ijk->ik", mixture.weights * x.S * x.again, grown)
    mass = number * n**2 + _trimers(mixture.total(k["kb"] * x.T / 2 * left), chains)
    return np.asarray(mass / (mass.sum(axis=1, keepdims=True) * STEP))


def _died(chains: Chains, c0: FloatArray, c1: FloatArray, alone: FloatArray, ends: FloatArray, joins: FloatArray) -> FloatArray:
    """Chains per unit of length that end by transfer, disproportionation and combination, of one recipe; all (times,) -> (100,).

    One recipe at a time, so that the sum over pairs stays in the cache of a processor.
    """
    n = chains.lengths
    weight, H = chains.pairs
    fading = np.exp(-c0[:, None] * n)
    pairs = np.einsum("jkl,kl->jk", np.exp(-c1[:, None, None] * H), weight)
    singles = np.exp(-c1[:, None] * chains.H(n)) * (alone[:, None] + ends[:, None] * chains.g(n))
    return np.asarray((fading * (singles + joins[:, None] * pairs)).sum(axis=0))


def survival(x: Radicals, mixture: Mixture) -> FloatArray:
    """Share of the macromonomers made at each node that has not reacted at the end, shape (n, TIMES)."""
    fading = mixture.k["kmac"] * x.S
    return np.asarray(np.exp(mixture.until(fading) - mixture.total(fading)[:, None]))


def _lengthened(n: FloatArray, c: FloatArray, d: FloatArray) -> FloatArray:
    """Distribution of a radical and what it gains later, exponential of mean 1/c each, with a macromonomer, of mean 1/d."""
    # Equal means are a limit, which is left alone at a relative distance of 1e-3.
    d = np.where(np.abs(c - d) < 1e-3 * c, 0.999 * c, d)
    return np.asarray(c**2 * d * (np.exp(-d * n) - np.exp(-c * n) * (1 + (c - d) * n)) / (c - d) ** 2)


def _trimers(count: FloatArray, chains: Chains) -> FloatArray:
    """Mass of macromonomers (n,) of 3 units, spread from 2.5 to 3.5, in the unit of chains n^2 ln 10."""
    share = np.diff(np.clip(edges(chains.mass), 2.5, 3.5))
    return np.asarray(3 * count[:, None] * share / (STEP * np.log(10)))
