"""The part of the client that simulates polymers, and finds recipes for them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal, TypedDict

from closedloop.connection import Connection


class Product(TypedDict):
    """What a recipe gives; ``mmd`` holds the distribution of each replicate."""

    conversion: float
    cBA_time: float
    Mn: float
    Mw: float
    mmd: list[list[float]]


class Products(TypedDict):
    """What the virtual lab made; ``axis`` is log10 of M in g/mol."""

    axis: list[float]
    products: list[Product]


class PolymerRecipe(TypedDict):
    """A recipe: mol/L, mol/L, C and s."""

    cBA_0: float
    cAIBN_0: float
    temp: float
    time: float


class Found(TypedDict):
    """A recipe for a distribution, its 90 % interval from ``low`` to ``high``, and what it gives."""

    recipe: PolymerRecipe
    low: PolymerRecipe
    high: PolymerRecipe
    conversion: float
    cBA_time: float
    Mn: float
    Mw: float
    mmd: list[float]
    mse: float
    overlap: float
    active: list[str]
    status: Literal["ok", "approximate", "not reachable"]


class Recipes(TypedDict):
    """Recipes for a distribution, what is reached best first; ``area`` is what the target had before it was scaled."""

    axis: list[float]
    target: list[float]
    area: float
    warnings: list[str]
    recipes: list[Found]


class Polymers(Connection):
    """Asks the polymer kinetics, forward and backward; nothing is stored."""

    def simulate_polymer(
        self, recipes: Iterable[Mapping[str, float]], replicates: int | None = None, seed: int = 0, error: int | None = None
    ) -> Products:
        """Conversion, molar masses and their distribution, from the virtual polymer lab.

        Args:
            recipes: ``cBA_0`` and ``cAIBN_0`` in mol/L, ``temp`` in C and ``time`` in s, of each.
            replicates: Injections of each product into a SEC; the distribution itself when None.
            seed: Of their noise.
            error: Seed of a hidden error of the kinetics; the published kinetics when None.

        Raises:
            InvalidInput: Names the recipe and the quantity at fault.
        """
        chosen = {name: value for name, value in {"replicates": replicates, "error": error}.items() if value is not None}
        return self._send("POST", "/simulate/polymer", body={"recipes": [dict(recipe) for recipe in recipes], "seed": seed, **chosen})

    def polymer_recipes(self, target: Mapping[str, Any], **wanted: Any) -> Recipes:
        """Recipes that give a wanted molar mass distribution, each simulated back.

        Args:
            target: By ``kind``: ``arrays`` with ``axis`` and ``values``; ``schulz_zimm`` or ``log_normal`` with ``Mn`` and
                ``dispersity``; ``blend`` with ``parts``; or ``sec`` with the ``name`` and the ``text`` of a file.
            wanted: What else: ``noise``, ``broadening``, ``cBA_time``, ``Mn``, ``Mw``, ``precision``, ``fixed``, ``bounds``,
                ``rank``, ``count``, ``screened``; see ``RecipesIn`` at ``/docs``.

        Raises:
            InvalidInput: The target is no distribution, or the bounds make no sense.
        """
        return self._send("POST", "/simulate/polymer/recipes", body={"target": dict(target), **wanted})
