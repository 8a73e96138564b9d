"""BoTorch's qLogNoisyExpectedImprovement with the settings of its tutorials: 10 restarts, 256 raw samples, sequential."""

import torch
from botorch.acquisition import qLogNoisyExpectedImprovement
from botorch.fit import fit_gpytorch_mll
from botorch.models import SingleTaskGP
from botorch.optim import optimize_acqf
from gpytorch.mlls import ExactMarginalLogLikelihood
from protocol import Recipes, Request, serve

_RESTARTS, _RAW = 10, 256


def propose(request: Request) -> Recipes:
    """A batch on the unit cube; continuous parameters only."""
    torch.manual_seed(request["seed"])
    names = [parameter["name"] for parameter in request["parameters"]]
    low = torch.tensor([parameter["low"] for parameter in request["parameters"]], dtype=torch.double)
    span = torch.tensor([parameter["high"] for parameter in request["parameters"]], dtype=torch.double) - low
    X = (torch.tensor([[row["recipe"][name] for name in names] for row in request["data"]], dtype=torch.double) - low) / span
    y = -torch.tensor([[row["loss"]] for row in request["data"]], dtype=torch.double)
    model = SingleTaskGP(X, y)
    fit_gpytorch_mll(ExactMarginalLogLikelihood(model.likelihood, model))
    box = torch.stack([torch.zeros_like(low), torch.ones_like(low)])
    U, _ = optimize_acqf(
        qLogNoisyExpectedImprovement(model, X, prune_baseline=True),
        bounds=box,
        q=request["n"],
        num_restarts=_RESTARTS,
        raw_samples=_RAW,
        sequential=True,
        inequality_constraints=[_constraint(constraint, names, low, span) for constraint in request["constraints"]] or None,
    )
    return [dict(zip(names, row, strict=True)) for row in (low + U * span).tolist()]


def _constraint(constraint: dict, names: list[str], low: torch.Tensor, span: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, float]:
    """A constraint as BoTorch states it: ``sum(coefficients * u[indices]) >= bound`` on the unit cube."""
    indices = torch.tensor([names.index(name) for name in constraint["coefficients"]])
    weights = torch.tensor(list(constraint["coefficients"].values()), dtype=torch.double)
    return indices, -weights * span[indices], float(weights @ low[indices]) - constraint["bound"]


if __name__ == "__main__":
    serve(propose)
