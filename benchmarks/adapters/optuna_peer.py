"""Optuna: its GP sampler, or TPE with the constant liar. Both are asked again where a constraint is broken; the GP learns by how much."""

import sys

import optuna
from protocol import Recipes, Request, excess, feasible, serve

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
    """One trial after the other; the GP sampler is told the worst loss so far for each (constant liar), and what constraints it broke."""
    space = {parameter["name"]: _distribution(parameter) for parameter in request["parameters"]}
    study = optuna.create_study(sampler=_sampler(kind, request["seed"]))
    for row in request["data"]:
        limits = _limits(request, row["recipe"]) if kind == "gp" else None
        study.add_trial(optuna.trial.create_trial(params=row["recipe"], distributions=space, value=row["loss"], constraints=limits))
    lie = max(row["loss"] for row in request["data"])
    recipes: Recipes = []
    for _ in range(request["n"] * _TRIES_PER_WELL):
        trial = study.ask(space)
        fits = feasible(request, trial.params)
        if fits:
            recipes.append(trial.params)
        if len(recipes) == request["n"]:
            break
        if kind == "gp":
            for name, value in _limits(request, trial.params).items():
                trial.set_constraint(name, value)
            study.tell(trial, lie)
        elif not fits:
            study.tell(trial, state=optuna.trial.TrialState.FAIL)
    return recipes


def _limits(request: Request, recipe: dict) -> dict[str, float]:
    return {f"c{k}": value for k, value in enumerate(excess(request, recipe))}


if __name__ == "__main__":
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    serve(lambda request: propose(sys.argv[1], request))
