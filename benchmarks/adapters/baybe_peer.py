"""BayBE, with its default recommender on a continuous space."""

import pandas as pd
from baybe import Campaign
from baybe.constraints import ContinuousLinearConstraint
from baybe.objectives import SingleTargetObjective
from baybe.parameters import CategoricalParameter, NumericalContinuousParameter
from baybe.searchspace import SearchSpace
from baybe.targets import NumericalTarget
from baybe.utils.random import set_random_seed
from protocol import Recipes, Request, serve


def _parameter(parameter: dict) -> NumericalContinuousParameter | CategoricalParameter:
    if parameter["kind"] == "categorical":
        return CategoricalParameter(parameter["name"], parameter["categories"])
    return NumericalContinuousParameter(parameter["name"], bounds=(parameter["low"], parameter["high"]))


def _constraint(constraint: dict) -> ContinuousLinearConstraint:
    names, weights = list(constraint["coefficients"]), list(constraint["coefficients"].values())
    return ContinuousLinearConstraint(names, "<=", weights, constraint["bound"])


def propose(request: Request) -> Recipes:
    """A batch after the history."""
    set_random_seed(request["seed"])
    space = SearchSpace.from_product([_parameter(p) for p in request["parameters"]], [_constraint(c) for c in request["constraints"]])
    campaign = Campaign(space, SingleTargetObjective(NumericalTarget("loss", minimize=True)))
    campaign.add_measurements(pd.DataFrame([{**row["recipe"], "loss": row["loss"]} for row in request["data"]]))
    return campaign.recommend(request["n"]).to_dict("records")


if __name__ == "__main__":
    serve(propose)
