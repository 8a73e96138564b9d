"""Emukit's local penalization over a GPy model, with the settings of its tutorials."""

import numpy as np
from emukit.bayesian_optimization.acquisitions import ExpectedImprovement
from emukit.bayesian_optimization.loops import BayesianOptimizationLoop
from emukit.core import ContinuousParameter, ParameterSpace
from emukit.core.constraints import LinearInequalityConstraint
from emukit.model_wrappers import GPyModelWrapper
from GPy.kern import Matern52
from GPy.models import GPRegression
from protocol import Recipes, Request, serve


def propose(request: Request) -> Recipes:
    """A batch after the history; continuous parameters only."""
    np.random.seed(request["seed"])
    names = [parameter["name"] for parameter in request["parameters"]]
    parameters = [ContinuousParameter(p["name"], p["low"], p["high"]) for p in request["parameters"]]
    space = ParameterSpace(parameters, constraints=[_constraint(c, names) for c in request["constraints"]])
    X = np.array([[row["recipe"][name] for name in names] for row in request["data"]])
    y = np.array([[row["loss"]] for row in request["data"]])
    model = GPRegression(X, (y - y.mean()) / y.std(), Matern52(len(names), ARD=True, lengthscale=0.3 * (X.max(axis=0) - X.min(axis=0))))
    model.optimize()
    wrapped = GPyModelWrapper(model)
    loop = BayesianOptimizationLoop(space, wrapped, ExpectedImprovement(wrapped), batch_size=request["n"])
    return [dict(zip(names, row, strict=True)) for row in loop.get_next_points([]).tolist()]


def _constraint(constraint: dict, names: list[str]) -> LinearInequalityConstraint:
    weights = np.array([[constraint["coefficients"].get(name, 0.0) for name in names]])
    return LinearInequalityConstraint(weights, np.array([-np.inf]), np.array([constraint["bound"]]))


if __name__ == "__main__":
    serve(propose)
