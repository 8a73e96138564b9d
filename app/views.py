"""From rows to wire shapes: what is derived from the raw replicates is computed here, never stored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from app import phases
from app.schemas.campaign import Best, CampaignDocument, CampaignOut, PriorOut, document_of, objective_of
from app.schemas.flow import EvidenceOut, JobOut, PhaseCheckOut, PhasesOut, StopCheckOut
from app.schemas.rescore import ObjectiveOut
from app.schemas.wells import BatchLine, BatchOut, DesignDetail, DesignOut, ProposalOut, ReplicateOut, SummaryOut
from db import store, surrogates
from db.engine import Session
from db.tables import ArtifactRow, BatchRow, CampaignRow, DesignRow, JobRow, PastObjectiveRow, PhaseRow, PriorRow, ReplicateRow, StopRow
from optimizer import replicates
from optimizer.objective import Matching, Objective
from optimizer.space import SearchSpace
from optimizer.stopping import best_per_round
from optimizer.types import Dataset, DesignState, FloatArray, Quality


@dataclass(frozen=True)
class Campaign:
    """A campaign with everything that was measured, read once per request; losses are those of ``scored`` where it is given."""

    row: CampaignRow
    batches: Sequence[BatchRow]
    designs: Sequence[DesignRow]
    replicates: Sequence[ReplicateRow]
    priors: Sequence[PriorRow] = ()
    phases: Sequence[PhaseRow] = ()
    past_objectives: Sequence[PastObjectiveRow] = ()
    scored: Objective | None = None
    artifacts: Sequence[ArtifactRow] = ()

    @cached_property
    def document(self) -> CampaignDocument:
        """The campaign document."""
        return document_of(self.row.document)

    @cached_property
    def space(self) -> SearchSpace:
        """The search space."""
        return self.document.space.domain()

    @cached_property
    def objective(self) -> Objective:
        """The objective that losses refer to."""
        return self.document.objective.domain() if self.scored is None else self.scored

    @property
    def objective_number(self) -> int:
        """Number of the present objective, from 1."""
        return len(self.past_objectives) + 1

    def under(self, number: int) -> Campaign:
        """The campaign as its objective of this number scores it."""
        present = number == self.objective_number
        return self if present else replace(self, scored=objective_of(self.past_objectives[number - 1].objective).domain())

    @property
    def has_target(self) -> bool:
        """Whether losses can be computed."""
        return not isinstance(self.objective, Matching) or self.objective.target is not None

    @cached_property
    def dataset(self) -> Dataset:
        """Medians, or other aggregates, of the replicates."""
        designs = [store.domain_design(row) for row in self.designs]
        measurements = [store.domain_measurement(row) for row in self.replicates] if self.has_target else []
        return replicates.reduce(designs, measurements, self.objective, self.document.aggregate)

    @cached_property
    def best_per_round(self) -> dict[int, float]:
        """Lowest aggregated loss per round."""
        return best_per_round(self.dataset)

    @cached_property
    def losses(self) -> dict[tuple[str, int], tuple[float, str]]:
        """Loss and reason code of every replicate, by well and number."""
        if not self.replicates or not self.has_target:
            return {}
        found = self.objective.losses(np.array([store.from_blob(row.outcome) for row in self.replicates]))
        names = [(row.design_id, row.replicate) for row in self.replicates]
        return dict(zip(names, zip(found.loss.tolist(), found.reasons, strict=True), strict=True))

    @cached_property
    def by_design(self) -> dict[str, list[ReplicateRow]]:
        """The replicates of each well."""
        groups: dict[str, list[ReplicateRow]] = {row.id: [] for row in self.designs}
        for row in self.replicates:
            groups[row.design_id].append(row)
        return groups

    @cached_property
    def pooled(self) -> float:
        """Pooled spread of the replicate losses."""
        groups = [losses for row in self.designs if len(losses := self._used(row.id)[1])]
        if not groups:
            return float("nan")
        spreads = np.array([float(replicates.scaled_mad(losses)) for losses in groups])
        return replicates.pooled_spread(spreads, np.array([len(losses) for losses in groups]))

    def _used(self, design_id: str) -> tuple[list[int], FloatArray]:
        used = [row for row in self.by_design[design_id] if row.quality == Quality.OK and (design_id, row.replicate) in self.losses]
        return [row.replicate for row in used], np.array([self.losses[design_id, row.replicate][0] for row in used])

    def summary(self, design_id: str) -> SummaryOut:
        """The replicates of a well in figures."""
        numbers, losses = self._used(design_id)
        excluded = sum(row.quality == Quality.EXCLUDED for row in self.by_design[design_id])
        if not numbers:
            return SummaryOut(n=0, excluded=excluded, loss=None)
        found = replicates.summary(losses, self.document.aggregate, self.pooled)
        return SummaryOut(
            n=found.n,
            excluded=excluded,
            loss=found.centre,
            mad=found.mad,
            error=None if np.isnan(found.error) else found.error,
            outliers=[number for number, out in zip(numbers, found.outliers, strict=True) if out],
            reasons=dict(Counter(reason for number in numbers if (reason := self.losses[design_id, number][1]))),
        )


def load(session: Session, row: CampaignRow) -> Campaign:
    """Read a campaign whole."""
    id = row.id
    wells = store.batches(session, id), store.designs(session, id), store.replicates(session, id)
    predictor = row.document["strategy"].get("predictor")
    files = surrogates.artifacts(session, predictor["surrogate"]) if predictor else ()
    past = store.priors(session, id), store.phase_checks(session, id), store.past_objectives(session, id)
    return Campaign(row, *wells, *past, artifacts=files)


def load_well(session: Session, row: CampaignRow, design: DesignRow) -> Campaign:
    """Read one well and its replicates only."""
    return Campaign(row, [], [design], store.replicates(session, row.id, design.id))


def campaign_out(campaign: Campaign) -> CampaignOut:
    """A campaign and where it stands."""
    row = campaign.row
    return CampaignOut(
        id=row.id,
        state=row.state,
        phase=phases.present(row, campaign.phases).value,
        version=row.version,
        created_at=row.created_at,
        document=campaign.document,
        objective=campaign.objective_number,
        rounds=len(campaign.batches),
        open_wells=sum(DesignState(design.state).pending for design in campaign.designs),
        replicates=len(campaign.replicates),
        best=best_out(campaign),
        best_per_round=campaign.best_per_round,
        priors=[prior_out(prior) for prior in campaign.priors],
    )


def best_out(campaign: Campaign) -> Best | None:
    """The best well so far, None before there are data."""
    data = campaign.dataset
    if not len(data):
        return None
    i = data.best
    return Best(design=data.designs[i], round=int(data.rounds[i]), loss=float(data.loss[i]), recipe=campaign.space.recipe(data.X[i]))


def objectives_out(campaign: Campaign) -> list[ObjectiveOut]:
    """Every objective that the campaign has had, oldest first; the last one is the present one."""
    past = campaign.past_objectives
    entries = []
    for number in range(1, campaign.objective_number + 1):
        before, here = (past[k] if 0 <= k < len(past) else None for k in (number - 2, number - 1))
        entries.append(
            ObjectiveOut(
                number=number,
                objective=objective_of(here.objective) if here else campaign.document.objective,
                set_at=before.replaced_at if before else campaign.row.created_at,
                actor=before.actor if before else None,
                reason=before.reason if before else None,
                after_round=before.last_round if before else 0,
                last_round=here.last_round if here else None,
                losses=here.losses if here else dict(zip(campaign.dataset.designs, campaign.dataset.loss.tolist(), strict=True)),
            )
        )
    return entries


def prior_out(row: PriorRow) -> PriorOut:
    """What was frozen of a past campaign, without its data."""
    return PriorOut(
        campaign=row.source, round=row.round, wells=row.wells, replicates=row.replicates, sha256=row.digest, taken_at=row.taken_at
    )


def design_out(campaign: Campaign, row: DesignRow) -> DesignOut:
    """A well."""
    space, executed = campaign.space, store.from_blob(row.executed)
    proposal = {name: value for name, value in row.info.items() if name != "rescored"}
    return DesignOut(
        id=row.id,
        round=row.round,
        well=row.well,
        state=row.state,
        origin=row.origin,
        reason=row.reason,
        version=row.version,
        planned=space.recipe(store.from_blob(row.planned)),
        executed=space.recipe(executed),
        outside=list(space.outside(executed)),
        proposal=ProposalOut.model_validate(proposal) if proposal else None,
        rescored=row.info.get("rescored", []),
        summary=campaign.summary(row.id),
    )


def design_detail(campaign: Campaign, row: DesignRow) -> DesignDetail:
    """A well with its replicates."""
    plain = design_out(campaign, row)
    rows = [replicate_out(campaign, replicate, curve=False) for replicate in campaign.by_design[row.id]]
    return DesignDetail(
        **plain.model_dump(), replicates=[r.model_copy(update={"outlier": r.replicate in plain.summary.outliers}) for r in rows]
    )


def replicate_out(campaign: Campaign, row: ReplicateRow, *, curve: bool = True) -> ReplicateOut:
    """A replicate, with its curve where asked for."""
    outcome = store.from_blob(row.outcome)
    loss, reason = campaign.losses.get((row.design_id, row.replicate), (None, ""))
    return ReplicateOut(
        design=row.design_id,
        replicate=row.replicate,
        value=float(outcome[0]) if campaign.objective.axis is None else None,
        values=outcome.tolist() if curve and campaign.objective.axis is not None else None,
        measured_at=row.measured_at,
        quality=row.quality,
        reason=row.reason,
        version=row.version,
        loss=loss,
        loss_reason=reason,
        outlier=row.replicate in campaign.summary(row.design_id).outliers if curve else False,
    )


def batch_line(campaign: Campaign, row: BatchRow) -> BatchLine:
    """A round in a list."""
    wells = [design for design in campaign.designs if design.round == row.round]
    pending = any(DesignState(design.state).pending for design in wells)
    return BatchLine(
        round=row.round,
        rule=row.rule,
        phase=row.phase,
        label=row.label,
        objective=row.info.get("objective"),
        created_at=row.created_at,
        state="open" if pending else "complete",
        wells=len(wells),
        best_loss=campaign.best_per_round.get(row.round),
    )


def batch_out(campaign: Campaign, row: BatchRow) -> BatchOut:
    """A round with its wells."""
    line = batch_line(campaign, row)
    return BatchOut(
        **line.model_dump(exclude={"wells"}),
        version=row.version,
        warnings=row.info.get("warnings", []),
        model=row.info.get("model", {}),
        designs=[design_out(campaign, design) for design in campaign.designs if design.round == row.round],
    )


def job_out(row: JobRow) -> JobOut:
    """A job."""
    return JobOut(
        id=row.id,
        kind=row.kind,
        campaign=row.campaign_id,
        round=row.round,
        surrogate=row.surrogate_id,
        state=row.state,
        attempt=row.attempt,
        progress=row.progress,
        doing=row.doing,
        result=row.result,
        error=row.error,
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
    )


def stop_check_out(row: StopRow) -> StopCheckOut:
    """A stop check with its evidence."""
    return StopCheckOut(
        checked_at=row.checked_at,
        round=row.round,
        objective=row.report["objective"],
        stop=row.report["stop"],
        reason=row.report["reason"],
        legs=row.report["legs"],
        evidence=_evidence_out(row.report["evidence"]),
    )


def phases_out(campaign: CampaignRow, checks: Sequence[PhaseRow]) -> PhasesOut:
    """The phase of a campaign, and what led there."""
    shown = [
        PhaseCheckOut(
            checked_at=row.checked_at,
            round=row.round,
            before=row.before,
            after=row.after,
            actor=row.actor,
            reason=row.reason,
            evidence=_evidence_out(row.evidence),
        )
        for row in checks
    ]
    return PhasesOut(phase=phases.present(campaign, checks).value, checks=shown)


def _evidence_out(stored: Sequence[dict[str, Any]]) -> list[EvidenceOut]:
    return [EvidenceOut(**entry, margin=entry["threshold"] - entry["value"]) for entry in stored]
