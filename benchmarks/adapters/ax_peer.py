"""Ax, with its own default strategy; the history is attached trial by trial."""

import logging

from ax.api.client import Client
from ax.api.configs import ChoiceParameterConfig, RangeParameterConfig
from protocol import Recipes, Request, serve


def _parameter(parameter: dict) -> RangeParameterConfig | ChoiceParameterConfig:
    if parameter["kind"] == "categorical":
        return ChoiceParameterConfig(name=parameter["name"], values=parameter["categories"], parameter_type="str", is_ordered=False)
    return RangeParameterConfig(name=parameter["name"], bounds=(parameter["low"], parameter["high"]), parameter_type="float")


def _constraint(constraint: dict) -> str:
    terms = " + ".join(f"{weight}*{name}" for name, weight in constraint["coefficients"].items())
    return f"{terms} <= {constraint['bound']}"


def propose(request: Request) -> Recipes:
    """A batch of Ax's default model after the history."""
    client = Client(random_seed=request["seed"])
    client.configure_experiment([_parameter(p) for p in request["parameters"]], [_constraint(c) for c in request["constraints"]])
    client.configure_optimization(objective="-loss")
    client.configure_generation_strategy(initialization_budget=0, initialize_with_center=False)
    for row in request["data"]:
        client.complete_trial(client.attach_trial(row["recipe"]), {"loss": row["loss"]})
    return [dict(recipe) for recipe in client.get_next_trials(request["n"]).values()]


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    serve(propose)
