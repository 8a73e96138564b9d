"""Batch rules by name; a rule's module is loaded when the rule is first asked for."""

from __future__ import annotations

from importlib import import_module
from typing import cast

from optimizer.objective import Objective
from optimizer.state import Rule
from optimizer.types import InvalidInput, Strategy

RULES: dict[str, str] = {
    "composite": "optimizer.rules.composite:propose",
    "constant_liar": "optimizer.rules.constant_liar:propose",
    "greedy_ei": "optimizer.rules.greedy_ei:propose",
    "hybrid_ei": "optimizer.rules.hybrid_ei:propose",
    "lhs": "optimizer.rules.lhs:propose",
    "lp_ei": "optimizer.rules.lp_ei:propose",
    "lp_textbook": "optimizer.rules.lp_textbook:propose",
    "qlognei": "optimizer.rules.qlognei:propose",
    "random": "optimizer.rules.random:propose",
    "spectral_grid": "optimizer.rules.spectral_grid:propose",
    "thompson": "optimizer.rules.thompson:propose",
}
"""Name of a rule -> ``module:function``."""


def default_rule(objective: Objective) -> str:
    """The rule for an objective that nobody chose one for: the one that needed the fewest wells in the benchmarks."""
    return Strategy().rule if objective.axis is None else "composite"


def get_rule(name: str) -> Rule:
    """The rule of that name.

    Raises:
        InvalidInput: No rule has that name.
    """
    if name not in RULES:
        raise InvalidInput(f"unknown rule {name!r}", where=("strategy", "rule"), remedy=f"use: {', '.join(sorted(RULES))}")
    module, function = RULES[name].split(":")
    return cast(Rule, getattr(import_module(module), function))
