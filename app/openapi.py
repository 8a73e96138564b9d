"""The OpenAPI document: FastAPI's own, with problem+json in place of its default errors."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from app.problems import Problem, response
from app.schemas.datasets import DatasetIn
from app.schemas.flow import ImportMapping
from app.schemas.surrogates import PredictIn


def describe(app: FastAPI) -> None:
    """Make the application answer with the completed document."""
    plain = app.openapi

    def completed() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = plain()
            schemas = document["components"]["schemas"]
            for model in (Problem, ImportMapping, DatasetIn, PredictIn):
                shape = model.model_json_schema(ref_template="#/components/schemas/{model}")
                schemas.update(shape.pop("$defs", {}))
                schemas[model.__name__] = shape
            for item in document["paths"].values():
                for operation in item.values():
                    if "requestBody" in operation:
                        operation["responses"]["400"] = response(400)
            for name in ("HTTPValidationError", "ValidationError"):
                schemas.pop(name, None)
        return app.openapi_schema or {}

    app.openapi = completed  # type: ignore[method-assign]
