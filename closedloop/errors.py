"""What can go wrong, from a user's point of view.

ClosedLoopError
├── Unreachable            no answer from the service
├── ServiceError           the service answered with a problem report
│   ├── InvalidInput       400, 413, 422
│   ├── NotAllowed         401, 403
│   ├── NotFound           404
│   └── Conflict           409
│       └── EditedMeanwhile    412
├── JobFailed              a job ended with an error
├── TimedOut               waiting took too long
├── NotStarted             a local service did not start
└── DataUnavailable        a published data set cannot be had
"""

from __future__ import annotations

from typing import Any, TypedDict


class FieldError(TypedDict):
    """One thing wrong with the input: where, what, and what to do about it."""

    field: str
    message: str
    remedy: str


class ClosedLoopError(Exception):
    """Root of all errors that this package raises."""


class Unreachable(ClosedLoopError):
    """The service does not answer, also after retries."""


class JobFailed(ClosedLoopError):
    """The job that was to propose a batch ended with an error; asking for a batch tries again."""


class TimedOut(ClosedLoopError):
    """What was waited for did not come in time; it may still come."""


class NotStarted(ClosedLoopError):
    """A local service ended, or stayed silent, instead of getting ready."""


class DataUnavailable(ClosedLoopError):
    """A published data set could not be downloaded, or is not what was published."""


class ServiceError(ClosedLoopError):
    """The service refused a request.

    Attributes:
        status: HTTP status.
        title: What kind of problem it is.
        detail: What happened.
        errors: The fields at fault, with remedies.
    """

    def __init__(self, status: int, title: str, detail: str, errors: list[FieldError] | None = None) -> None:
        self.status, self.title, self.detail, self.errors = status, title, detail, errors or []
        super().__init__("\n".join([f"{title}: {detail}", *map(_line, self.errors)]))


class InvalidInput(ServiceError):
    """What was sent is wrong; ``errors`` names the fields."""


class NotAllowed(ServiceError):
    """The API key is missing, unknown, revoked, or of a lesser role than needed."""


class NotFound(ServiceError):
    """There is nothing of that name."""


class Conflict(ServiceError):
    """The request contradicts what is stored, or the state of the campaign."""


class EditedMeanwhile(Conflict):
    """Somebody else has edited since the version that the edit speaks of; read again."""


_BY_STATUS: dict[int, type[ServiceError]] = {
    400: InvalidInput,
    401: NotAllowed,
    403: NotAllowed,
    404: NotFound,
    409: Conflict,
    412: EditedMeanwhile,
    413: InvalidInput,
    422: InvalidInput,
}


def service_error(status: int, problem: dict[str, Any]) -> ServiceError:
    """The error that a problem report stands for."""
    title = problem.get("title") or f"HTTP {status}"
    return _BY_STATUS.get(status, ServiceError)(status, title, problem.get("detail") or "no details were given", problem.get("errors"))


def _line(error: FieldError) -> str:
    remedy = error.get("remedy")
    return f"  {error['field']}: {error['message']}" + (f"; {remedy}" if remedy else "")
