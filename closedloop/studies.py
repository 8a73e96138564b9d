"""The part of the client that studies trained models, and the shapes of what the service answers."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypedDict

from closedloop.connection import Connection, path_of
from closedloop.errors import JobFailed, TimedOut

if TYPE_CHECKING:
    from closedloop import types

Kind = Literal["inverse", "explain", "robustness", "sweep"]


class Figure(TypedDict):
    """A figure as a plain Plotly dict, with a name for files and a heading for people."""

    name: str
    title: str
    figure: dict[str, Any]


class Study(TypedDict):
    """The last study of its kind on a model: the request with its defaults, what was found, and figures of it.

    ``result`` is ``InverseFound``, ``ExplainFound``, ``RobustnessFound`` or ``SweepFound`` at ``/docs`` of the service.
    """

    surrogate: str
    sha256: str
    made_at: str
    request: dict[str, Any]
    result: dict[str, Any]
    figures: list[Figure]


class Studies(Connection):
    """Asks what a trained model looks at, how it stands bad inputs, which inputs lead to an outcome, and which settings are best.

    Studies are jobs: ``inverse``, ``explain``, ``robustness`` and ``sweep`` wait for them; ``request_study`` does not.
    """

    def inverse(self, id: str, target: str, value: float | Sequence[float], *, timeout: float = 3600.0, **request: Any) -> Study:
        """Inputs of different kinds that should lead to a wanted outcome.

        Args:
            id: The model.
            target: Field that is wanted, a number or a curve.
            value: What it is to be; a curve on the axis of the model.
            timeout: Seconds to wait.
            request: ``fixed``, ``bounds``, ``levels``, ``log``, ``constraints``, ``distance``, ``second``, ``count`` and others;
                see ``InverseIn`` at ``/docs`` of the service.

        Raises:
            InvalidInput: Names the field at fault, and the remedy.
            Conflict: The model is not trained, or sees curves or images; or another search is under way.
            JobFailed: The search failed; the message is its error.
            TimedOut: The search has not ended.
        """
        wanted = {"name": target, "value": value if isinstance(value, int | float) else list(value)}
        return self._found(id, "inverse", {"target": wanted, **request}, timeout)

    def explain(self, id: str, *, timeout: float = 3600.0, **request: Any) -> Study:
        """What a model looks at: ``rows``, ``background``, ``regions``, ``cuts`` and others are told in ``ExplainIn`` at ``/docs``.

        Raises:
            InvalidInput, Conflict, JobFailed, TimedOut: See ``inverse``.
        """
        return self._found(id, "explain", request, timeout)

    def robustness(self, id: str, *, timeout: float = 3600.0, **request: Any) -> Study:
        """How a model stands bad inputs: ``corruptions``, ``modes`` and others are told in ``RobustnessIn`` at ``/docs``.

        Raises:
            InvalidInput, Conflict, JobFailed, TimedOut: See ``inverse``.
        """
        return self._found(id, "robustness", request, timeout)

    def sweep(self, id: str, *, timeout: float = 3600.0, **request: Any) -> Study:
        """Which settings of a learner are best on the data of a model: ``factors``, or ``method="loop"`` and ``search``; see ``SweepIn``.

        Raises:
            InvalidInput, Conflict, JobFailed, TimedOut: See ``inverse``.
        """
        return self._found(id, "sweep", request, timeout)

    def request_study(self, id: str, kind: Kind, request: Mapping[str, Any]) -> types.Job:
        """Queue a study; the same request again tries anew what has failed.

        Raises:
            InvalidInput: Names the field at fault, and the remedy.
            Conflict: The model cannot be studied so; or another request of this kind is under way.
        """
        return self._send("POST", path_of("surrogates", id, kind), body=dict(request))

    def study(self, id: str, kind: Kind) -> Study:
        """The last study of a kind on a model.

        Raises:
            NotFound: There is none yet; the message says how far its job is.
        """
        return self._send("GET", path_of("surrogates", id, kind))

    def surrogate_figures(self, id: str) -> list[Figure]:
        """Figures of the card of a model: told over true values of rows held out, confusion, learning curve.

        Raises:
            Conflict: It is not trained.
        """
        return self._send("GET", path_of("surrogates", id, "figures"))["figures"]

    def follow_job(self, job: types.Job, what: str = "", timeout: float = 3600.0, poll: float = 0.5) -> Iterator[types.Job]:
        """A job, again and again until it has ended well: ``progress`` is its share done, ``doing`` what is under way.

        Args:
            job: As it was last.
            what: What to say when it has not ended in time.
            timeout: Seconds to wait.
            poll: Seconds between two looks.

        Raises:
            JobFailed: It failed; the message is its error.
            TimedOut: It has not ended.
        """
        end = time.monotonic() + timeout
        while True:
            yield job
            if job["state"] == "done":
                return
            if job["state"] == "failed":
                raise JobFailed(job["error"])
            if time.monotonic() > end:
                raise TimedOut(f"{what or 'not done'} after {timeout:g} s; job {job['id']} is {job['state']}")
            time.sleep(poll)
            job = self._send("GET", path_of("jobs", job["id"]))

    def _found(self, id: str, kind: Kind, request: Mapping[str, Any], timeout: float) -> Study:
        for _ in self.follow_job(self.request_study(id, kind, request), f"no answer on {id!r}", timeout):
            pass
        return self.study(id, kind)
