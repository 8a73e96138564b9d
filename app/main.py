"""The application: built by a factory, with nothing built at import."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import APIRouter, FastAPI
from fastapi_offline import FastAPIOffline

from app import problems
from app.aside import Aside
from app.curves import Curves
from app.executor import open_executor
from app.limits import BodyLimit
from app.openapi import describe
from app.predicting import Models
from app.routes import (
    batches,
    campaigns,
    checks,
    curves,
    datasets,
    designs,
    images,
    knowledge,
    measurements,
    objectives,
    predictions,
    simulate,
    studies,
    surrogates,
    system,
)
from app.security import Recent, first_key
from app.settings import Settings
from app.short_way import ShortWay
from app.together import Together
from app.worker import Worker
from db.engine import open_database
from db.migrations import migrate

_SUMMARY = "Closed-loop optimization of experiments: campaigns, replicate measurements, batch Bayesian optimization, stop conditions."

_DESCRIPTION = """
Press **Authorize** and paste an API key (`cl_...`; `closedloop key create NAME --role chemist` makes one).
Every operation has an example that runs: create the campaign, ask for its first batch, store replicates.
Errors are [problem+json](https://www.rfc-editor.org/rfc/rfc9457) that name the field and the remedy.
"""

_TAGS = [{"name": name} for name in ("campaigns", "batches", "designs", "measurements")]
"""Groups of operations that the documentation shows first."""


def create_app(settings: Settings | None = None) -> FastAPI:
    """Build the service.

    Args:
        settings: How it runs; read from the environment when None.
    """
    settings = settings or Settings()
    app = FastAPIOffline(
        title="closedloop", version=version("closedloop"), summary=_SUMMARY, description=_DESCRIPTION, openapi_tags=_TAGS, lifespan=_running
    )
    app.state.settings = settings
    app.add_middleware(ShortWay)
    app.add_middleware(BodyLimit, limit=settings.max_body)
    api = APIRouter(prefix="/api/v1")
    for module in (
        predictions,
        curves,
        images,
        surrogates,
        studies,
        campaigns,
        batches,
        designs,
        measurements,
        checks,
        objectives,
        knowledge,
        datasets,
        simulate,
        system,
    ):
        api.include_router(module.router)
    app.include_router(api)
    problems.install(app)
    describe(app)
    return app


@asynccontextmanager
async def _running(app: FastAPI) -> AsyncIterator[None]:
    _start(app, app.state.settings)
    yield
    _stop(app)


def _start(app: FastAPI, settings: Settings) -> None:
    settings.prepare()
    app.state.database = open_database(settings.database)
    app.state.closing = threading.Event()
    app.state.worker = app.state.executor = None
    migrate(app.state.database)
    app.state.models, app.state.recent = Models(app.state.database, settings), Recent(app.state.database)
    app.state.together = Together(app.state.models)
    app.state.curves = Curves(app.state.database, app.state.models)
    app.state.aside = Aside(settings)
    key = first_key(app.state.database, settings.admin_key)
    if key is not None and settings.admin_key is None:
        print(f"First start. Administrator's key, shown this once: {key}", flush=True)
    if settings.workers or settings.dask:
        app.state.executor = open_executor(settings)
        slots = max(settings.workers, 1)
        app.state.worker = Worker(app.state.database, app.state.executor, slots, settings.lease_s, settings.unfinished)
        app.state.worker.start()


def _stop(app: FastAPI) -> None:
    app.state.closing.set()
    if app.state.worker is not None:
        app.state.worker.stop()
        app.state.executor.close()
    app.state.aside.close()
    app.state.models.close()
    app.state.database.close()
