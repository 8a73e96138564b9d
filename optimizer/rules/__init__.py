"""Batch rules by name; a rule's module is loaded when the rule is first asked for."""

from __future__ import annotations

from importlib import import_module
from typing import cast

from optimizer.state import Rule
from optimizer.types import InvalidInput

RULES: dict[str, str] = {
    "lp_ei": "optimizer.rules.lp_ei:propose",
}
"""Name of a rule -> ``module:function``."""


def get_rule(name: str) -> Rule:
    """The rule of that name.

    Raises:
        InvalidInput: No rule has that name.
    """
    if name not in RULES:
        raise InvalidInput(f"unknown rule {name!r}", where=("strategy", "rule"), remedy=f"use: {', '.join(sorted(RULES))}")
    module, function = RULES[name].split(":")
    return cast(Rule, getattr(import_module(module), function))
