"""Optuna: its GP sampler, or TPE with the constant liar. A constraint is met by asking again, as its users do."""

import sys

import optuna
from protocol import Recipes, Request, feasible, serve

_TRIES_PER_WELL = 40


def _distribution(parameter: dict) -> optuna.distributions.BaseDistribution:
    if parameter["kind"] == "categorical":
        return optuna.distributions.CategoricalDistribution(parameter["categories"])
    return optuna.distributions.FloatDistribution(parameter["low"], parameter["high"], step=parameter["step"])


def _sampler(kind: str, seed: int) -> optuna.samplers.BaseSampler:
    if kind == "gp":
        return optuna.samplers.GPSampler(seed=seed, deterministic_objective=False)
    return optuna.samplers.TPESampler(seed=seed, multivariate=True, constant_liar=True)


def propose(kind: str, request: Request) -> Recipes:
    """One trial after the other; the GP sampler is told the worst loss so far for each (constant liar)."""
    space = {parameter["name"]: _distribution(parameter) for parameter in request["parameters"]}
    study = optuna.create_study(sampler=_sampler(kind, request["seed"]))
    for row in request["data"]:
        study.add_trial(optuna.trial.create_trial(params=row["recipe"], distributions=space, value=row["loss"]))
    lie = max(row["loss"] for row in request["data"])
    recipes: Recipes = []
    for _ in range(request["n"] * _TRIES_PER_WELL):
        trial = study.ask(space)
        if not feasible(request, trial.params):
            study.tell(trial, state=optuna.trial.TrialState.FAIL)
            continue
        recipes.append(trial.params)
        if kind == "gp":
            study.tell(trial, lie)
        if len(recipes) == request["n"]:
            break
    return recipes


if __name__ == "__main__":
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    serve(lambda request: propose(sys.argv[1], request))
