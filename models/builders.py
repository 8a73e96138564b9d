"""Tables that simulators build: one function for each, under the name that people ask for it by."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from models.nanoparticle.dataset import silver_table
from models.table import Table

BUILDERS: Mapping[str, Callable[..., Table]] = {"nanoparticle": silver_table}
"""Takes ``rows``, ``seed`` and what else the function names; the same arguments build the same table."""
