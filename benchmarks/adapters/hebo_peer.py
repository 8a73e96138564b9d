"""HEBO with its defaults. It knows no constraints: its search for trade-offs (NSGA-II) is told of them, the draws that fill up are not."""

import numpy as np
import pandas as pd
import torch
from hebo.acquisitions.acq import MACE
from hebo.design_space.design_space import DesignSpace
from hebo.optimizers import hebo
from protocol import Recipes, Request, feasible, serve

_TRIES = 4


def _parameter(parameter: dict) -> dict:
    if parameter["kind"] == "categorical":
        return {"name": parameter["name"], "type": "cat", "categories": parameter["categories"]}
    return {"name": parameter["name"], "type": "num", "lb": parameter["low"], "ub": parameter["high"]}


def _acquisition(space: DesignSpace, constraints: list[dict]) -> type[MACE]:
    """HEBO's acquisition, with the constraints behind its objectives, met where they are not positive."""
    weights = [[constraint["coefficients"].get(name, 0.0) for name in space.numeric_names] for constraint in constraints]
    bounds = torch.tensor([constraint["bound"] for constraint in constraints])

    class Constrained(MACE):
        num_constr = len(constraints)

        def eval(self, x: torch.Tensor, xe: torch.Tensor) -> torch.Tensor:
            return torch.cat([super().eval(x, xe), x @ torch.tensor(weights).T - bounds], dim=1)

    return Constrained


def propose(request: Request) -> Recipes:
    """A batch after the history; asked again, at most three times, for the wells that violate a constraint."""
    np.random.seed(request["seed"])
    torch.manual_seed(request["seed"])
    space = DesignSpace().parse([_parameter(parameter) for parameter in request["parameters"]])
    if request["constraints"]:
        hebo.MACE = _acquisition(space, request["constraints"])  # suggest() gives batches for this name alone
    search = hebo.HEBO(space, acq_cls=hebo.MACE, scramble_seed=request["seed"])
    search.observe(pd.DataFrame([row["recipe"] for row in request["data"]]), np.array([[row["loss"]] for row in request["data"]]))
    recipes: Recipes = []
    for _ in range(_TRIES):
        found = search.suggest(n_suggestions=request["n"] - len(recipes)).to_dict("records")
        recipes += [recipe for recipe in found if feasible(request, recipe)]
        if len(recipes) == request["n"]:
            break
    return recipes


if __name__ == "__main__":
    serve(propose)
