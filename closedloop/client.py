"""The client: what the service can do, as methods."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from closedloop.connection import path_of
from closedloop.datasets import Datasets
from closedloop.errors import JobFailed, TimedOut
from closedloop.insight import Insight
from closedloop.polymer import Polymers
from closedloop.psd import Sizes
from closedloop.scattering import Scattering
from closedloop.surrogates import Surrogates
from closedloop.transport import StreamBroken

if TYPE_CHECKING:
    from closedloop import types

_RECONNECT_S = 0.5


class Client(Insight, Datasets, Surrogates, Polymers, Scattering, Sizes):
    """A connection to a closedloop service.

    Lost connections and a busy service are tried again; nothing takes effect twice by that.

    Args:
        url: Address of the service; ``CLOSEDLOOP_URL`` or ``http://127.0.0.1:8000`` when None.
        key: API key; ``CLOSEDLOOP_KEY`` when None.
        timeout: Seconds to wait for each answer.
        retries: Tries after the first one.
        transport: Transport of httpx, for tests.
    """

    # Campaigns

    def create_campaign(self, document: Mapping[str, Any]) -> types.Campaign:
        """Create a campaign.

        Args:
            document: Name, space, objective and settings; see ``/docs`` of the service for its fields. ``priors`` names past
                campaigns of related tasks to learn from: their data are frozen now.

        Raises:
            InvalidInput: Names the field at fault.
        """
        return self._send("POST", "/campaigns", body=document)

    def campaigns(self) -> Iterator[types.CampaignLine]:
        """All campaigns, in order of their identifiers; read page by page."""
        after: dict[str, str] = {}
        while True:
            page = self._send("GET", "/campaigns", params=after)
            yield from page["items"]
            if page["next"] is None:
                return
            after = {"after": page["next"]}

    def campaign(self, id: str) -> types.Campaign:
        """A campaign and where it stands."""
        return self._send("GET", path_of("campaigns", id))

    def edit_campaign(self, id: str, *, version: int | None = None, **changes: Any) -> types.Campaign:
        """Change settings of a campaign: ``name``, ``batch_size``, ``replicates``, ``stop``, ``switch``, ``review``.

        Args:
            id: The campaign.
            version: Version that the edit speaks of; the present one when None.
            changes: New values.

        Raises:
            EditedMeanwhile: The campaign has another version by now.
        """
        return self._edit(path_of("campaigns", id), changes, version)

    def stop(self, id: str, reason: str) -> types.Campaign:
        """Stop a campaign by hand."""
        return self.edit_campaign(id, state="stopped", reason=reason)

    def reopen(self, id: str, reason: str) -> types.Campaign:
        """Reopen a stopped campaign; stop conditions look at later rounds only."""
        return self.edit_campaign(id, state="active", reason=reason)

    def set_phase(self, id: str, phase: Literal["bo", "both", "network"], reason: str) -> types.Campaign:
        """Choose who proposes from the next round on; only later rounds speak for another phase."""
        return self.edit_campaign(id, phase=phase, reason=reason)

    def phases(self, id: str) -> types.Phases:
        """Which phase a campaign is in, and every check or decision that led there with its evidence."""
        return self._send("GET", f"{path_of('campaigns', id)}/phases")

    def upload_target(self, id: str, path: str | Path) -> types.Campaign:
        """Set the target curve of a spectrum_match or curve_match campaign, before its first batch, from a CSV of two columns."""
        file = Path(path)
        target = f"{path_of('campaigns', id)}/target"
        return self._send("PUT", target, files={"file": (file.name, file.read_bytes())}, headers=self._if_match(path_of("campaigns", id)))

    def export(self, id: str, format: Literal["csv", "xlsx", "json", "zip"] = "csv", path: str | Path | None = None) -> bytes:
        """A campaign as a file: its replicates as CSV or XLSX, everything as JSON or ZIP.

        Args:
            id: The campaign.
            format: Kind of file.
            path: Where the file is written too, if anywhere.
        """
        content = self._transport.send("GET", f"{path_of('campaigns', id)}/export", params={"format": format}).content
        if path is not None:
            Path(path).write_bytes(content)
        return content

    def stop_checks(self, id: str) -> types.StopChecks:
        """Whether a campaign has stopped, and every check so far with its evidence."""
        return self._send("GET", f"{path_of('campaigns', id)}/stop")

    def checks(self, id: str, round: int | None = None) -> types.Checks:
        """What the guards found: wells piled up at a bound, crowded at one place, or repeated.

        Args:
            id: The campaign.
            round: Only this round; all when None.
        """
        return self._send("GET", f"{path_of('campaigns', id)}/checks", params={} if round is None else {"round": round})

    def extend_bounds(self, id: str, parameter: str, *, low: float | None = None, high: float | None = None, reason: str) -> types.Campaign:
        """Widen the range of a continuous parameter, for rounds that are proposed from now on.

        Args:
            id: The campaign.
            parameter: Its name.
            low: New lower bound, a whole number of steps below the present one; stays when None.
            high: New upper bound; stays when None.
            reason: Why, for the record.

        Raises:
            Conflict: The range would shrink, or is as wide already.
            InvalidInput: The new low is off the grid of steps; names the nearest that is on it.
        """
        bounds = {name: value for name, value in (("low", low), ("high", high)) if value is not None}
        return self._send("POST", f"{path_of('campaigns', id)}/bounds", body={"parameter": parameter, **bounds, "reason": reason})

    def events(self, id: str, *, follow: bool = False, after: int = 0) -> Iterator[types.Event]:
        """The log of a campaign, oldest entry first.

        Args:
            id: The campaign.
            follow: Wait for what happens next, without end.
            after: Only entries with a larger ``id``.
        """
        while True:
            try:
                for event in self._transport.stream(f"{path_of('campaigns', id)}/events", {"follow": follow, "after": after}):
                    after = event["id"]
                    yield event
                if not follow:
                    return
            except StreamBroken:
                pass  # taken up again after the last event
            time.sleep(_RECONNECT_S)

    # Batches

    def request_batch(self, id: str, overlap: bool = False) -> types.Job | types.Batch:
        """Ask for the next batch.

        Args:
            id: The campaign.
            overlap: Propose although wells are open; those are taken into account.

        Returns:
            The open batch while there is one, else the job that makes the next.

        Raises:
            Conflict: The campaign is stopped, or has no target.
        """
        return self._send("POST", f"{path_of('campaigns', id)}/batches", body={"overlap": overlap})

    def batches(self, id: str) -> list[types.BatchLine]:
        """All rounds, oldest first, without their wells."""
        return self._send("GET", f"{path_of('campaigns', id)}/batches")

    def batch(self, id: str, round: int) -> types.Batch:
        """A round with its wells."""
        return self._send("GET", path_of("campaigns", id, "batches", round))

    def label_batch(self, id: str, round: int, label: str | None) -> types.Batch:
        """Give a round the name that people call it by, or None."""
        return self._edit(path_of("campaigns", id, "batches", round), {"label": label})

    def wait_for_batch(self, id: str, timeout: float = 600.0, poll: float = 0.2) -> types.Batch | None:
        """The open batch, the newest if there are several, as soon as there is one; None when the campaign has stopped.

        Asks for a batch when none is in progress.

        Args:
            id: The campaign.
            timeout: Seconds to wait at most.
            poll: Seconds between looks.

        Raises:
            JobFailed: The job failed; the message is its error.
            TimedOut: There is no batch yet.
        """
        end, asked = time.monotonic() + timeout, False
        while time.monotonic() < end:
            # The job first: once it is done, what it made is there to be read.
            job = next((job for job in reversed(self.jobs(id)) if job["kind"] == "propose"), None)
            if job is None or job["state"] in ("done", "failed"):
                opened = max((line["round"] for line in self.batches(id) if line["state"] == "open"), default=None)
                if opened is not None:
                    return self.batch(id, opened)
                if self.campaign(id)["state"] == "stopped":
                    return None
                if job and job["state"] == "failed" and asked:
                    raise JobFailed(job["error"])
                self.request_batch(id)
                asked = True
            time.sleep(poll)
        raise TimedOut(f"no batch of {id!r} after {timeout:g} s; jobs({id!r}) tells how far it is")

    def replay(self, id: str, round: int) -> types.Job:
        """Queue a job that proposes a round once more, from the history before it, and changes nothing.

        Once the job is done, its ``result`` says ``same batch`` or names the wells that differ.

        Raises:
            Conflict: The round was imported, or a person has planned all of its wells.
        """
        return self._send("POST", f"{path_of('campaigns', id, 'batches', round)}/replay")

    def jobs(self, id: str) -> list[types.Job]:
        """The jobs of a campaign, oldest round first."""
        return self._send("GET", f"{path_of('campaigns', id)}/jobs")

    def job(self, id: str) -> types.Job:
        """A job, by the identifier that ``request_batch`` gave."""
        return self._send("GET", path_of("jobs", id))

    # Wells and measurements

    def design(self, id: str, design: str) -> types.DesignDetail:
        """A well with its replicates, without their curves."""
        return self._send("GET", path_of("campaigns", id, "designs", design))

    def add_design(self, id: str, recipe: Mapping[str, float | str], reason: str) -> types.DesignDetail:
        """Add a well of your own to the open round."""
        return self._send("POST", f"{path_of('campaigns', id)}/designs", body={"recipe": recipe, "reason": reason})

    def edit_design(self, id: str, design: str, *, version: int | None = None, **changes: Any) -> types.DesignDetail:
        """Change a well: ``state`` with a ``reason``, ``planned`` before it runs, ``executed`` as the lab really made it.

        Args:
            id: The campaign.
            design: The well.
            version: Version that the edit speaks of; the present one when None.
            changes: New values.

        Raises:
            EditedMeanwhile: The well has another version by now.
        """
        return self._edit(path_of("campaigns", id, "designs", design), changes, version)

    def put_replicate(
        self,
        id: str,
        design: str,
        replicate: int,
        *,
        value: float | None = None,
        values: Iterable[float] | None = None,
        axis: Iterable[float] | None = None,
        measured_at: datetime | str | None = None,
    ) -> types.Replicate:
        """Store one replicate; the same content again changes nothing.

        Args:
            id: The campaign.
            design: The well.
            replicate: Its number, from 1.
            value: The outcome, where the objective asks for a number.
            values: The outcome, where it asks for a curve; a list or an array.
            axis: Axis of the curve, to be checked against the campaign's.
            measured_at: Time with zone; the present when None.

        Raises:
            Conflict: The replicate is stored with other content.
        """
        outcome = {"value": value, "values": values, "axis": axis, "measured_at": measured_at}
        body = {name: given for name, given in outcome.items() if given is not None}
        return self._send("PUT", path_of("campaigns", id, "designs", design, "replicates", replicate), body=body)

    def replicate(self, id: str, design: str, replicate: int) -> types.Replicate:
        """A replicate as it was posted, with its loss."""
        return self._send("GET", path_of("campaigns", id, "designs", design, "replicates", replicate))

    def exclude_replicate(self, id: str, design: str, replicate: int, reason: str) -> types.Replicate:
        """Leave a replicate out of the aggregate; its raw values stay."""
        return self._edit(path_of("campaigns", id, "designs", design, "replicates", replicate), {"quality": "excluded", "reason": reason})

    def include_replicate(self, id: str, design: str, replicate: int, reason: str) -> types.Replicate:
        """Take an excluded replicate back in."""
        return self._edit(path_of("campaigns", id, "designs", design, "replicates", replicate), {"quality": "ok", "reason": reason})

    def post_measurements(self, id: str, items: Iterable[Mapping[str, Any]]) -> types.Posted:
        """Store many replicates: all, or none.

        Args:
            id: The campaign.
            items: One mapping each, with ``design``, ``replicate``, and ``value`` or ``values``; see ``put_replicate``.
        """
        return self._send("POST", f"{path_of('campaigns', id)}/measurements", body={"measurements": list(items)})

    def import_file(self, id: str, path: str | Path, mapping: Mapping[str, Any], dry_run: bool = False) -> types.Imported:
        """Make measured wells of the rows of a CSV or XLSX file: all of them, or none.

        Args:
            id: The campaign.
            path: The file; one replicate per row.
            mapping: Which column is what: ``parameters`` (name -> column and unit), ``outcome``, ``round`` or ``wells_per_round``.
            dry_run: Only say what would be done.
        """
        file = Path(path)
        return self._send(
            "POST",
            f"{path_of('campaigns', id)}/import",
            params={"dry_run": dry_run},
            files={"file": (file.name, file.read_bytes())},
            data={"mapping": json.dumps(mapping)},
        )

    # The virtual lab

    def simulate_nanoparticle(
        self, recipes: Iterable[Mapping[str, float]], replicates: int | None = None, seed: int = 0
    ) -> types.Simulation:
        """Absorbance spectra of silver nanoparticles from the virtual lab; nothing is stored.

        Args:
            recipes: ``QAgNO3``, ``Qpva``, ``Qtsc``, ``Qseed`` in % of the flow and ``Qtot`` in uL/min, of each.
            replicates: Noisy replicates of each recipe; one noise-free spectrum each when None.
            seed: Of the noise.

        Raises:
            InvalidInput: Names the recipe and the flow at fault.
        """
        body = {"recipes": [dict(recipe) for recipe in recipes], "seed": seed} | ({} if replicates is None else {"replicates": replicates})
        return self._send("POST", "/simulate/nanoparticle", body=body)

    # The service

    def health(self) -> types.Health:
        """Whether the service is alive; needs no key."""
        return self._send("GET", "/health")

    def ready(self) -> types.Ready:
        """Whether the service is ready to work; needs no key."""
        return self._send("GET", "/ready")
