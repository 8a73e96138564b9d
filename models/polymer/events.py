"""Events of the kinetic Monte Carlo, compiled by numba; only ``models.polymer.monte_carlo`` imports this, and late.

Radicals are rows of ``radical``, chain-end radicals in row 0 and mid-chain radicals in row 1; ``G`` holds the sums of their g
and of g^2. Dead chains are in row 0 of ``chain``, macromonomers in row 1. ``count`` holds the numbers of ``S``, ``T``, dead chains,
macromonomers, monomers and initiators, and the units in dead chains.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

S, T, D, U, M, I, UNITS = range(7)  # noqa: E741
_REFRESH = 100_000
"""Events between two exact sums of g, which rounding would let drift."""


def _join(radical: Any, count: Any, G: Any, g: Any, row: int, n: int) -> None:
    """Add a radical of n units."""
    value = g[min(n, len(g) - 1)]
    radical[row, count[row]] = n
    count[row] += 1
    G[row, 0] += value
    G[row, 1] += value * value


def _leave(radical: Any, count: Any, G: Any, g: Any, row: int, j: int) -> int:
    """Take out the radical at place j; its units."""
    n = radical[row, j]
    value = g[min(n, len(g) - 1)]
    count[row] -= 1
    radical[row, j] = radical[row, count[row]]
    G[row, 0] -= value
    G[row, 1] -= value * value
    return int(n)


def _die(chain: Any, count: Any, row: int, n: int) -> None:
    """Add a dead chain (row 0) or a macromonomer (row 1) of n units."""
    chain[row, count[D + row]] = n
    count[D + row] += 1
    if row == 0:
        count[UNITS] += n


def _revive(chain: Any, count: Any, row: int, j: int) -> int:
    """Take out the chain at place j; its units."""
    n = chain[row, j]
    count[D + row] -= 1
    chain[row, j] = chain[row, count[D + row]]
    if row == 0:
        count[UNITS] -= n
    return int(n)


def _pick(radical: Any, count: Any, g: Any, row: int) -> int:
    """The place of a radical, drawn in proportion to its g, which is at most 1."""
    while True:
        j = np.random.randint(count[row])
        if np.random.random() < g[min(radical[row, j], len(g) - 1)]:
            return int(j)


def _by_units(chain: Any, count: Any, longest: int) -> int:
    """The place of a dead chain, drawn in proportion to its units."""
    while True:
        j = np.random.randint(count[D])
        if np.random.random() * longest < chain[0, j]:
            return int(j)


_join, _leave, _die, _revive, _pick, _by_units = (njit(f) for f in (_join, _leave, _die, _revive, _pick, _by_units))


def _terminate(radical: Any, chain: Any, count: Any, G: Any, g: Any, one: int, other: int, share: float) -> None:
    """A pair of radicals dies, with this share by disproportionation."""
    i, j = _pick(radical, count, g, one), _pick(radical, count, g, other)
    while one == other and i == j:
        i, j = _pick(radical, count, g, one), _pick(radical, count, g, other)
    # The later place first: the last radical moves to the place that becomes free.
    n = _leave(radical, count, G, g, one, max(i, j) if one == other else i)
    m = _leave(radical, count, G, g, other, min(i, j) if one == other else j)
    if np.random.random() < share:
        _die(chain, count, 0, n)
        _die(chain, count, 0, m)
    else:
        _die(chain, count, 0, n + m)


def _transfer(radical: Any, chain: Any, count: Any, G: Any, g: Any, event: int, longest: int) -> None:
    """A chain-end radical bites back (0), passes to monomer or solvent (1), to polymer (2), or takes a macromonomer (3)."""
    j = np.random.randint(count[S])
    if event == 0 and radical[S, j] < 3:
        return
    n = _leave(radical, count, G, g, S, j)
    if event == 0:
        _join(radical, count, G, g, T, n)
    elif event == 1:
        count[M] -= 1
        _die(chain, count, 0, n)
        _join(radical, count, G, g, S, 1)
    elif event == 2:
        m = _revive(chain, count, 0, _by_units(chain, count, longest))
        _die(chain, count, 0, n)
        _join(radical, count, G, g, T, m)
    else:
        m = _revive(chain, count, 1, np.random.randint(count[U]))
        _join(radical, count, G, g, T, n + m)


def _scission(radical: Any, chain: Any, count: Any, G: Any, g: Any) -> None:
    """A mid-chain radical breaks, on either side where it is long enough."""
    j = np.random.randint(count[T])
    if radical[T, j] < 3:
        return
    n = _leave(radical, count, G, g, T, j)
    short = n > 3 and np.random.random() < 0.5
    _die(chain, count, 1, 3 if short else n - 2)
    _join(radical, count, G, g, S, n - 3 if short else 2)


def _start(radical: Any, count: Any, G: Any, g: Any, f: float) -> None:
    """An initiator decays, and starts two chains or none."""
    count[I] -= 1
    if np.random.random() < f:
        for _ in range(2):
            count[M] -= 1
            _join(radical, count, G, g, S, 1)


def _propensities(a: Any, count: Any, G: Any, first: Any, second: Any) -> float:
    """Rates of all events into a; their sum."""
    s, t, m = float(count[S]), float(count[T]), float(count[M])
    a[0], a[1] = second[0] * m * s, second[1] * m * t
    a[2], a[3] = first[1] * s, (second[2] * m + first[3]) * s
    a[4], a[5] = second[3] * s * count[UNITS], second[4] * s * count[U]
    a[6], a[7] = first[2] * t, first[0] * count[I]
    a[8], a[9] = second[5] * (G[S, 0] ** 2 - G[S, 1]), 2 * second[6] * G[S, 0] * G[T, 0]
    a[10] = second[7] * (G[T, 0] ** 2 - G[T, 1])
    total = 0.0
    for value in a:
        total += max(value, 0.0)
    return total


def _refresh(radical: Any, count: Any, G: Any, g: Any) -> None:
    G[:] = 0
    for row in range(2):
        for j in range(count[row]):
            value = g[min(radical[row, j], len(g) - 1)]
            G[row, 0] += value
            G[row, 1] += value * value


_terminate, _transfer, _scission, _start, _propensities, _refresh = (
    njit(f) for f in (_terminate, _transfer, _scission, _start, _propensities, _refresh)
)


def _happen(event: int, radical: Any, chain: Any, count: Any, G: Any, g: Any, shares: Any, longest: int) -> None:
    """One event, by its place among the propensities."""
    if event < 2:
        n = _leave(radical, count, G, g, event, np.random.randint(count[event]))
        count[M] -= 1
        _join(radical, count, G, g, S, n + 1)
    elif event < 6:
        _transfer(radical, chain, count, G, g, event - 2, longest)
    elif event == 6:
        _scission(radical, chain, count, G, g)
    elif event == 7:
        _start(radical, count, G, g, shares[0])
    elif event == 8:
        _terminate(radical, chain, count, G, g, S, S, shares[1])
    elif event == 9:
        _terminate(radical, chain, count, G, g, S, T, shares[2])
    else:
        _terminate(radical, chain, count, G, g, T, T, shares[3])


_happen = njit(_happen)


def _run(count: Any, end: float, first: Any, second: Any, shares: Any, g: Any, radical: Any, chain: Any, seed: int) -> bool:
    """Let all events of the time happen, in place; False where the arrays are too small."""
    np.random.seed(seed)
    G, a, now, longest, events = np.zeros((2, 2)), np.zeros(11), 0.0, 1, 0
    while True:
        total = _propensities(a, count, G, first, second)
        now -= np.log(1 - np.random.random()) / total
        if now > end:
            return True
        left, event = np.random.random() * total, 0
        while left >= a[event] and event < len(a) - 1:
            left -= max(a[event], 0.0)
            event += 1
        _happen(event, radical, chain, count, G, g, shares, longest)
        longest = max(longest, chain[0, max(count[D] - 1, 0)])
        events += 1
        if events % _REFRESH == 0:
            _refresh(radical, count, G, g)
        if max(count[S], count[T]) + 2 > radical.shape[1] or max(count[D], count[U]) + 2 > chain.shape[1]:
            return False


run = njit(_run)
