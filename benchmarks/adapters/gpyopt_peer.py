"""GPyOpt's local penalization with the settings of AgBONN: isotropic Matern-5/2, EI with jitter 0.1, raw units."""

from types import SimpleNamespace

import GPyOpt
import numpy as np
import scipy.optimize
from GPyOpt.core.evaluators import batch_local_penalization
from protocol import Recipes, Request, serve

_JITTER = 0.1


def _minimize(*arguments: object, **options: object) -> object:
    """Scipy's minimize as GPyOpt knew it, when the value found was an array."""
    result = scipy.optimize.minimize(*arguments, **options)
    result.fun = np.atleast_2d(result.fun)
    return result


batch_local_penalization.scipy = SimpleNamespace(optimize=SimpleNamespace(minimize=_minimize))


def _domain(parameter: dict) -> dict:
    return {"name": parameter["name"], "type": "continuous", "domain": (parameter["low"], parameter["high"])}


def propose(request: Request) -> Recipes:
    """A batch after the history; continuous parameters only."""
    np.random.seed(request["seed"])
    names = [parameter["name"] for parameter in request["parameters"]]
    position = {name: f"x[:,{j}]" for j, name in enumerate(names)}
    constraints = [
        {
            "name": f"c{k}",
            "constraint": "+".join(f"{w}*{position[name]}" for name, w in c["coefficients"].items()) + f"-{c['bound']}",
        }
        for k, c in enumerate(request["constraints"])
    ]
    search = GPyOpt.methods.BayesianOptimization(
        f=None,
        domain=[_domain(parameter) for parameter in request["parameters"]],
        constraints=constraints or None,
        X=np.array([[row["recipe"][name] for name in names] for row in request["data"]]),
        Y=np.array([[row["loss"]] for row in request["data"]]),
        acquisition_type="EI",
        acquisition_jitter=_JITTER,
        normalize_Y=True,
        evaluator_type="local_penalization",
        batch_size=request["n"],
        exact_feval=False,
    )
    return [dict(zip(names, row, strict=True)) for row in search.suggest_next_locations().tolist()]


if __name__ == "__main__":
    serve(propose)
