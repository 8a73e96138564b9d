"""The polymer simulator behind the wire: requests checked here, computed aside."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict

import numpy as np

from app.aside import Aside
from app.schemas.polymer import (
    AnyTarget,
    ArraysTarget,
    BlendTarget,
    FileTarget,
    FormulaTarget,
    PolymerIn,
    PolymerOut,
    PolymerRecipe,
    ProductOut,
    RecipeOut,
    RecipesIn,
    RecipesOut,
)
from models.polymer import dataset, lab, sec, targets
from models.polymer.chains import LOG_M
from models.polymer.coefficients import RECIPE, BadPolymer, published
from models.polymer.inverse import NUMBERS, Answer, Ends, Goal
from models.polymer.inverse import recipes as family
from models.polymer.kinetics import check_recipes
from models.polymer.targets import Target
from optimizer.types import InvalidInput

_CURVES = 5000
"""Distributions in one answer: 10 MB of JSON."""
_UNIT = 0.02
"""How far from 1 an area may be before people are told."""


@contextmanager
def _explained(*where: str | int) -> Iterator[None]:
    """Say where in the request the fault is that the models find."""
    try:
        yield
    except BadPolymer as error:
        # A name that is no field is told in the message.
        own = (error.field,) if error.field in (*RECIPE, *NUMBERS, "dispersity", "noise", "precision") else ()
        row = () if error.row is None else (error.row,)
        raise InvalidInput(f"{error.field}: {error.message}", where=(*where, *row, *own), remedy=error.remedy) from error


async def simulated(wanted: PolymerIn, aside: Aside) -> PolymerOut:
    """Products of the virtual polymer lab.

    Raises:
        InvalidInput: A recipe is none, or uses up its monomer, or too many distributions are asked for.
    """
    count = len(wanted.recipes) * (wanted.replicates or 1)
    if count > _CURVES:
        fault, remedy = f"{count} distributions are asked for, an answer holds {_CURVES}", "send fewer recipes or replicates at a time"
        raise InvalidInput(fault, where=("recipes",), remedy=remedy)
    X = np.array([[getattr(recipe, name) for name in RECIPE] for recipe in wanted.recipes])
    with _explained("recipes"):
        check_recipes(X, published())
        made, curves = await aside.call(lab.simulated, X, wanted.error, wanted.replicates, wanted.seed)
    rows = zip(made.conversion, made.cBA_time, made.Mn, made.Mw, curves, strict=True)
    names = ("conversion", "cBA_time", "Mn", "Mw")
    products = [ProductOut(**dict(zip(names, numbers, strict=True)), mmd=mmd.tolist()) for *numbers, mmd in rows]
    return PolymerOut(axis=LOG_M.tolist(), products=products)


async def recipes(wanted: RecipesIn, aside: Aside) -> RecipesOut:
    """Recipes for a molar mass distribution.

    Raises:
        InvalidInput: The target is no distribution, or the box makes no sense.
    """
    with _explained("target"):
        target = _target(wanted.target)
    with _explained():
        numbers = {name: value for name in NUMBERS if (value := getattr(wanted, name)) is not None}
        goal = Goal(target.w, wanted.noise, numbers, wanted.precision)
    within = _box(wanted)
    with _explained("bounds"):
        answers = await aside.call(family, goal, within, wanted.screened, wanted.broadening, wanted.count, wanted.rank)
    # Formulas and blends have no area of their own.
    area = target.area if isinstance(wanted.target, ArraysTarget | FileTarget) else 1.0
    told = f"the area of the target was {area:.4g}: it was divided by that"
    return RecipesOut(
        axis=LOG_M.tolist(),
        target=target.w.tolist(),
        area=area,
        warnings=[told] if abs(area - 1) > _UNIT else [],
        recipes=[_told(answer) for answer in answers],
    )


def _target(wanted: AnyTarget) -> Target:
    if isinstance(wanted, BlendTarget):
        return targets.blend([_target(part.target) for part in wanted.parts], [part.share for part in wanted.parts])
    if isinstance(wanted, ArraysTarget):
        return targets.from_arrays(np.array(wanted.axis), np.array(wanted.values), wanted.scale)
    if isinstance(wanted, FormulaTarget):
        return (targets.schulz_zimm if wanted.kind == "schulz_zimm" else targets.log_normal)(wanted.Mn, wanted.dispersity)
    return sec.read(wanted.text, wanted.name)


def _box(wanted: RecipesIn) -> tuple[Ends, Ends]:
    """Lower and upper bounds, within the ranges of the coefficients; equal ones of what is fixed."""
    low, high = dataset.LOW.copy(), dataset.HIGH.copy()
    for part in ("bounds", "fixed"):
        for name, given in getattr(wanted, part).items():
            ends = (given, given) if part == "fixed" else (given.low, given.high)
            x = np.array([dataset.LOW, dataset.LOW])
            x[:, RECIPE.index(name)] = ends
            try:
                check_recipes(x, published())
            except BadPolymer as error:
                raise InvalidInput(f"{name}: {error.message}", where=(part, name), remedy=error.remedy) from error
            low[RECIPE.index(name)], high[RECIPE.index(name)] = ends
            if ends[0] > ends[1]:
                raise InvalidInput(f"{name}: low is above high", where=(part, name), remedy="swap the ends")
    return tuple(low.tolist()), tuple(high.tolist())


def _told(answer: Answer) -> RecipeOut:
    plain = asdict(answer)
    ends = {part: PolymerRecipe(**dict(zip(RECIPE, plain.pop(part).tolist(), strict=True))) for part in ("recipe", "low", "high")}
    return RecipeOut(**ends, mmd=plain.pop("mmd").tolist(), active=list(plain.pop("active")), **plain)
