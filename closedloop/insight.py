"""The part of the client that looks back: objectives over time, and what a campaign has taught."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from closedloop.connection import Connection, path_of
from closedloop.errors import JobFailed, TimedOut

if TYPE_CHECKING:
    from closedloop import types


class Insight(Connection):
    """Scores history anew, and learns from it."""

    def rescore(self, id: str, objective: Mapping[str, Any], reason: str, *, dry_run: bool = False) -> types.Rescoring:
        """Set a new objective for what was measured; wells not yet run are ranked anew, old decisions stay as they were.

        Args:
            id: The campaign.
            objective: As in a campaign document; of the same outcome and unit, curves on the same axis.
            reason: Why, for the record.
            dry_run: Only say what would change.

        Raises:
            InvalidInput: The objective does not suit what was measured.
            Conflict: It is the present one.
        """
        campaign = path_of("campaigns", id)
        options = {"params": {"dry_run": True}} if dry_run else {"headers": self._if_match(campaign)}
        return self._send("POST", f"{campaign}/rescore", body={"objective": objective, "reason": reason}, **options)

    def objectives(self, id: str) -> list[types.Objective]:
        """Every objective that a campaign has had, oldest first, with its rounds and the losses that these were decided on."""
        return self._send("GET", f"{path_of('campaigns', id)}/objectives")

    def request_knowledge(
        self, id: str, recipes: Iterable[Mapping[str, float | str]] = (), regions: Mapping[str, tuple[float, float]] | None = None
    ) -> types.Job:
        """Queue a job that learns what a campaign has taught.

        Args:
            id: The campaign.
            recipes: Recipes whose outcome is to be predicted, a hundred at most.
            regions: Names of parts of the axis, with their ends; six equal parts when None.

        Raises:
            InvalidInput: A recipe lacks a parameter, or a region holds no point of the axis.
            Conflict: Nothing was measured, or a job with another request is under way.
        """
        named = [{"name": name, "low": low, "high": high} for name, (low, high) in (regions or {}).items()]
        body = {"recipes": [dict(recipe) for recipe in recipes], "regions": named}
        return self._send("POST", f"{path_of('campaigns', id)}/knowledge", body=body)

    def knowledge(self, id: str) -> types.Knowledge:
        """What the last job learnt: ``current`` says whether it still holds.

        Raises:
            NotFound: There was none.
        """
        return self._send("GET", f"{path_of('campaigns', id)}/knowledge")

    def learn(
        self,
        id: str,
        recipes: Iterable[Mapping[str, float | str]] = (),
        regions: Mapping[str, tuple[float, float]] | None = None,
        timeout: float = 600.0,
        poll: float = 0.2,
    ) -> types.Knowledge:
        """Ask what a campaign has taught, and wait for the answer: see ``request_knowledge``.

        Raises:
            JobFailed: The job failed; the message is its error.
            TimedOut: The job has not ended.
        """
        end, job = time.monotonic() + timeout, self.request_knowledge(id, recipes, regions)
        while job["state"] not in ("done", "failed"):
            if time.monotonic() > end:
                raise TimedOut(f"nothing learnt of {id!r} after {timeout:g} s; job {job['id']} is {job['state']}")
            time.sleep(poll)
            job = self._send("GET", path_of("jobs", job["id"]))
        if job["state"] == "failed":
            raise JobFailed(job["error"])
        return self.knowledge(id)
