"""Many measurements at once: bulk upload and file import."""

from __future__ import annotations

import json
from typing import Annotated

from fastapi import APIRouter, Body, File, Form, Query, Response, UploadFile
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError

from app import examples, importing, intake, service
from app.deps import CampaignId, Repeatable
from app.problems import documented
from app.schemas.flow import ImportMapping, ImportOut
from app.schemas.wells import MeasurementsIn, MeasurementsOut
from app.security import Chemist, Lab
from app.uploads import bytes_of

router = APIRouter(prefix="/campaigns/{campaign}", tags=["measurements"])


@router.post(
    "/measurements", status_code=201, response_model=MeasurementsOut, responses=documented(404, 409, 413), summary="Store many replicates"
)
def measure(
    who: Lab,
    once: Repeatable,
    campaign: CampaignId,
    body: Annotated[MeasurementsIn, Body(openapi_examples=examples.shown(two=examples.MEASUREMENTS))],
) -> Response:
    """Store replicates of any wells: all of them, or none. Those stored before with the same content are counted as unchanged."""

    def act() -> tuple[int, BaseModel]:
        row = service.find_campaign(once.session, campaign, lock=True)
        return 201, intake.post_measurements(once.session, who, row, body.measurements)

    return once(body, act)


@router.post(
    "/import", status_code=201, response_model=ImportOut, responses=documented(404, 409, 413), summary="Import a file of past measurements"
)
def import_file(
    who: Chemist,
    once: Repeatable,
    campaign: CampaignId,
    file: Annotated[UploadFile, File(description="CSV (UTF-8) or XLSX with one replicate a row")],
    mapping: Annotated[
        str,
        Form(
            max_length=100_000,
            description="Which column is what, as JSON (`ImportMapping`)",
            examples=[json.dumps(examples.MAPPING)],
        ),
    ],
    dry_run: Annotated[bool, Query(description="Only say what would be done")] = False,
) -> Response:
    """Make measured wells of the rows of a file: all of them, or none. Values outside the box are kept as executed, and flagged."""
    try:
        columns = ImportMapping.model_validate_json(mapping)
    except ValidationError as error:
        raise RequestValidationError([{**item, "loc": ("mapping", *item["loc"])} for item in error.errors()]) from error
    content = bytes_of(file)

    def act() -> tuple[int, BaseModel]:
        row = service.find_campaign(once.session, campaign, lock=True)
        return 200 if dry_run else 201, importing.import_file(once.session, who, row, content, columns, dry_run=dry_run)

    return once(content + mapping.encode(), act)
