"""What a model tells of a campaign, as it is kept: plain numbers of six digits. Runs where jobs run, never in the web process."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from app.schemas.knowledge import (
    ExplainedWell,
    ExplanationOut,
    ImportanceOut,
    KnowledgeContent,
    MapOut,
    MeasuredWell,
    PredictionOut,
    RegionShape,
    SliderOut,
)
from app.schemas.wells import ValidityOut
from optimizer.objective import Matching
from optimizer.space import Categorical, SearchSpace
from optimizer.state import CampaignState
from optimizer.types import FloatArray

if TYPE_CHECKING:
    from optimizer.knowledge import Explanation, LossMap, Prediction

_SHOWN = 150
"""Points of a curve that are kept."""
_REGIONS = 6


def findings(state: CampaignState, asked: FloatArray, regions: Sequence[RegionShape]) -> dict[str, Any]:
    """Everything that the model of a campaign can tell, as JSON knows it.

    Args:
        state: The campaign, with data.
        asked: Rows of the recipes to predict, shape (n, d).
        regions: Parts of the axis to explain; six equal ones when empty, and none where outcomes are numbers.
    """
    # Late: the web process imports this module for the name of the function alone.
    from optimizer.knowledge import Region, equal_regions, learn

    axis, space = state.objective.axis, state.space
    chosen = [Region(region.name, region.low, region.high) for region in regions]
    found = learn(state, asked, chosen or (() if axis is None else equal_regions(axis, _REGIONS)))
    shown = slice(0, 0) if axis is None else slice(None, None, -(-len(axis) // _SHOWN))
    base = space.recipe(state.data.X[state.data.best])
    content = KnowledgeContent(
        outcome=state.objective.outcome,
        unit=state.objective.unit,
        axis=None if axis is None else axis[shown].tolist(),
        target=_target(state, shown),
        explanation=_explanation(space, found.explanation),
        held={space.names[j]: base[space.names[j]] for j in found.held},
        maps=[_map(space, drawn) for drawn in found.maps],
        sliders=[
            SliderOut(parameter=name, predictions=_predictions(space, slider, shown))
            for name, slider in zip(space.names, found.sliders, strict=True)
        ],
        recipes=_predictions(space, found.asked, shown),
        measured=[
            MeasuredWell(design=name, recipe=space.recipe(x), loss=_short(loss))
            for name, x, loss in zip(state.data.designs, state.data.X, state.data.loss, strict=True)
        ],
        warnings=list(found.warnings),
    )
    return content.model_dump(mode="json")


def _short(value: float) -> float:
    return float(f"{value:.6g}")


def _shortened(values: FloatArray) -> list[float]:
    return [_short(value) for value in values.tolist()]


def _target(state: CampaignState, shown: slice) -> list[float] | None:
    objective = state.objective
    if not isinstance(objective, Matching) or objective.target is None:
        return None
    return _shortened(objective.target.resample(objective.axis).values[shown])


def _explanation(space: SearchSpace, told: Explanation) -> ExplanationOut:
    found, outputs = told.shapley, told.outputs
    importance = [
        ImportanceOut(
            parameter=space.names[j],
            loss=_short(found.importance[j, 0]),
            regions=dict(zip(outputs[1:], _shortened(found.importance[j, 1:]), strict=True)),
        )
        for j in np.argsort(-found.importance[:, 0], kind="stable")
    ]
    wells = [
        ExplainedWell(
            design=name,
            recipe=space.recipe(x),
            predicted=dict(zip(outputs, _shortened(predicted), strict=True)),
            values={
                output: dict(zip(space.names, _shortened(column), strict=True)) for output, column in zip(outputs, values.T, strict=True)
            },
        )
        for name, x, predicted, values in zip(told.wells, told.X, told.predicted, found.values, strict=True)
    ]
    return ExplanationOut(
        outputs=list(outputs),
        exact=found.error is None,
        error=None if found.error is None else _short(found.error[..., 0].max()),
        base=dict(zip(outputs, _shortened(found.base), strict=True)),
        importance=importance,
        wells=wells,
    )


def _map(space: SearchSpace, drawn: LossMap) -> MapOut:
    return MapOut(
        x=space.names[drawn.x],
        y=space.names[drawn.y],
        xs=_levels(space, drawn.x, drawn.xs),
        ys=_levels(space, drawn.y, drawn.ys),
        loss=[[None if np.isnan(value) else _short(value) for value in row] for row in drawn.loss],
    )


def _levels(space: SearchSpace, j: int, values: FloatArray) -> list[float | str]:
    parameter = space.parameters[j]
    return [parameter.categories[int(v)] if isinstance(parameter, Categorical) else float(v) for v in values]


def _predictions(space: SearchSpace, made: Prediction, shown: slice) -> list[PredictionOut]:
    wide = made.curves.shape[1] > 0
    told = []
    for i, x in enumerate(made.X):
        told.append(
            PredictionOut(
                recipe=space.recipe(x),
                feasible=bool(made.feasible[i]),
                loss=_short(made.loss[i]),
                std=_short(made.std[i]),
                validity=ValidityOut.model_validate(asdict(made.validity[i])) if made.validity else None,
                curve=_shortened(made.curves[i, shown]) if wide else None,
                band=_shortened(made.band[i, shown]) if wide else None,
            )
        )
    return told
