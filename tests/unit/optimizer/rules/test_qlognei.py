import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from optimizer import acquisition
from optimizer.rules import qlognei
from optimizer.rules.proposals import Start
from tests.contracts.rules import RuleContract, box, quadratic, rows_of

ROOT = Path(__file__).resolve().parents[4]


class Noisy(RuleContract):
    name = "qlognei"


RULE = Noisy()


def test_importing_the_rule_loads_no_torch() -> None:
    code = "import sys, optimizer.rules.qlognei; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_low_and_uncertain_wells_are_valued_as_by_expected_improvement() -> None:
    """Noise and the softness of the improvement change the values a little, not their order."""
    start = Start.of(RULE.smooth(box(2), 20), RULE.smooth(box(2), 20).data, 5, np.random.default_rng(0))
    rows = start.X[np.argsort(-start.log_ei(start.X))[:200:10]]
    with qlognei._quiet():
        values = qlognei._acquisition(start, 1)(start.state.space.encode(rows), np.empty((0, 2)))
    exact = acquisition.log_ei(*start.model.latent(rows), start.best)
    assert np.corrcoef(values, exact)[0, 1] > 0.9


def test_a_pending_well_counts_like_a_pick() -> None:
    state = RULE.smooth(box(2), 15)
    favourite = RULE.ask(state, 1).proposals[0]
    moved = RULE.ask(replace(state, pending=favourite.x[None, :]), 1).proposals[0]
    assert state.space.apart(moved.x[None, :], favourite.x[None, :])[0]
    assert moved.score < favourite.score


def test_one_batch_improves_on_the_best_datum() -> None:
    state = RULE.smooth(box(2), 15)
    assert quadratic(rows_of(RULE.ask(state, 4))).min() < 0.5 * state.data.loss.min()
