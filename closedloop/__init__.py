"""Closed-loop optimization of experiments: the client of the service, and its command ``closedloop``.

from closedloop import Client

with Client() as client:  # CLOSEDLOOP_URL and CLOSEDLOOP_KEY say which service
    batch = client.wait_for_batch("silver-prisms")
"""

from importlib.metadata import version

from closedloop.client import Client
from closedloop.errors import (
    ClosedLoopError,
    Conflict,
    DataUnavailable,
    EditedMeanwhile,
    InvalidInput,
    JobFailed,
    NotAllowed,
    NotFound,
    NotStarted,
    ServiceError,
    TimedOut,
    Unreachable,
)

__version__ = version("closedloop")

__all__ = [
    "Client",
    "ClosedLoopError",
    "Conflict",
    "DataUnavailable",
    "EditedMeanwhile",
    "InvalidInput",
    "JobFailed",
    "NotAllowed",
    "NotFound",
    "NotStarted",
    "ServiceError",
    "TimedOut",
    "Unreachable",
    "__version__",
]
