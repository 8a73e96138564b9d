"""Wire shape of a registered surrogate as the predictor of a campaign."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from app.schemas.base import Name, Shape


class PredictorShape(Shape):
    """A registered surrogate; its bare identifier stands for it."""

    surrogate: Annotated[str, Field(max_length=80, pattern="^[a-z0-9-]+$")]
    version: Annotated[int | None, Field(strict=True, ge=1, description="Set by the service: the one that was taken")] = None
    sha256: Annotated[str | None, Field(pattern="^[0-9a-f]{64}$", description="Set by the service: of its files, which never change")] = (
        None
    )


def _as_predictor(value: Any) -> Any:
    return {"surrogate": value} if isinstance(value, str) else value


PredictorOrId = Annotated[
    PredictorShape | None,
    BeforeValidator(_as_predictor, json_schema_input_type=PredictorShape | Name | None),
    Field(
        description="A promoted surrogate that takes exactly the parameters and tells exactly the outcome: `spectral_grid`, which is "
        "then the rule, for numbers too, asks it in place of a network of its own. Frozen when the campaign is created"
    ),
]
