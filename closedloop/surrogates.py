"""The part of the client that trains models and asks them, and the shapes of what the service answers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypedDict

from closedloop.connection import path_of
from closedloop.studies import Studies

if TYPE_CHECKING:
    from closedloop import types

State = Literal["candidate", "promoted", "retired"]


class SurrogateLine(TypedDict):
    """A model in a list."""

    id: str
    name: str
    state: State
    trained: bool
    learner: str
    inputs: list[str]
    targets: list[str]
    dataset: str
    dataset_version: int
    created_at: str


class Surrogate(SurrogateLine):
    """A model: what it is trained on and how, its training, and its card once that is done."""

    version: int
    sha256: str
    spec: dict[str, Any]
    actor: str
    job: types.Job
    card: dict[str, Any] | None


class Target(TypedDict):
    """What a model tells."""

    name: str
    kind: Literal["number", "curve", "category"]
    unit: str
    axis: list[float] | None
    axis_unit: str
    classes: list[str] | None


class Answer(TypedDict, total=False):
    """What a model tells of one target of one sample; lists along the axis of a curve. Keys that do not apply are missing."""

    mean: float | list[float]
    std: float | list[float]
    low: float | list[float]
    high: float | list[float]
    best: str
    probabilities: dict[str, float]


class Verdict(TypedDict):
    """Whether an input lies where the model was trained, with the field that is most at fault."""

    status: Literal["inside", "edge", "outside"]
    variable: str
    figure: str
    check: str
    value: float
    limit: float


class PredictedRow(TypedDict):
    """Answers by target, and how far they can be trusted."""

    answers: dict[str, Answer]
    validity: Verdict


class Predictions(TypedDict):
    """Predictions in the order of the rows; intervals hold ``level`` of new outcomes."""

    surrogate: str
    level: float
    targets: list[Target]
    rows: list[PredictedRow]


class Surrogates(Studies):
    """Trains models on data sets, promotes and retires them, and asks them."""

    def train_surrogate(
        self,
        name: str,
        dataset: str,
        inputs: Iterable[str | Mapping[str, Any]],
        targets: Iterable[str | Mapping[str, Any]],
        learner: str,
        *,
        version: int | None = None,
        learner_settings: Mapping[str, Any] | None = None,
        **settings: Any,
    ) -> Surrogate:
        """Put a model on record, and queue its training.

        Args:
            name: Of the model; its identifier is made from it.
            dataset: Data set to train on.
            inputs: Names of fields, or mappings with ``name``, ``scale`` and ``shares``.
            targets: The same of what is to be told.
            learner: Kind of learner, such as ``ridge``, ``forest``, ``components_gp`` or ``network``.
            version: Of the data set; the newest when None.
            learner_settings: Of the learner, where they are not to be the defaults.
            settings: ``group``, ``seed``, ``test_fraction``, ``sizes``, ``seeds``; see ``SurrogateIn`` at ``/docs``.

        Raises:
            NotFound: There is no such data set.
            InvalidInput: Names the field that is unfit, and the remedy.
        """
        source = {"id": dataset, "version": version}
        kind = {"kind": learner, "settings": dict(learner_settings or {})}
        body = {"name": name, "dataset": source, "inputs": list(inputs), "targets": list(targets), "learner": kind, **settings}
        return self._send("POST", "/surrogates", body=body)

    def follow_training(self, id: str, timeout: float = 3600.0, poll: float = 0.5) -> Iterator[types.Job]:
        """The training of a model, again and again until it has ended well: ``progress`` is its share done, ``doing`` what is under way.

        Raises:
            JobFailed: It failed; the message is its error. ``retry_training`` tries again.
            TimedOut: It has not ended.
        """
        yield from self.follow_job(self.surrogate(id)["job"], f"{id!r} is not trained", timeout, poll)

    def wait_for_surrogate(self, id: str, timeout: float = 3600.0, poll: float = 0.5) -> Surrogate:
        """A model with its card, as soon as it is trained; see ``follow_training``."""
        for _ in self.follow_training(id, timeout, poll):
            pass
        return self.surrogate(id)

    def retry_training(self, id: str) -> types.Job:
        """Queue a training once more if it has failed."""
        return self._send("POST", f"{path_of('surrogates', id)}/retry")

    def surrogates(self, state: State | None = None) -> Iterator[SurrogateLine]:
        """All models, or those of a state, in order of their identifiers; read page by page."""
        params = {} if state is None else {"state": state}
        while True:
            page = self._send("GET", "/surrogates", params=params)
            yield from page["items"]
            if page["next"] is None:
                return
            params = {**params, "after": page["next"]}

    def surrogate(self, id: str) -> Surrogate:
        """A model and its card."""
        return self._send("GET", path_of("surrogates", id))

    def promote_surrogate(self, id: str, reason: str, *, version: int | None = None) -> Surrogate:
        """Say that a model is fit for use; campaigns take promoted ones only.

        Raises:
            Conflict: It is not trained, or promoted already.
            EditedMeanwhile: It has another version by now.
        """
        return self._edit(path_of("surrogates", id), {"state": "promoted", "reason": reason}, version)

    def retire_surrogate(self, id: str, reason: str, *, version: int | None = None) -> Surrogate:
        """Say that a model is no longer fit for use; it can still be asked."""
        return self._edit(path_of("surrogates", id), {"state": "retired", "reason": reason}, version)

    def predict(
        self,
        id: str,
        rows: Iterable[Mapping[str, Any]],
        *,
        axes: Mapping[str, Iterable[float]] | None = None,
        units: Mapping[str, str] | None = None,
    ) -> Predictions:
        """Ask a trained model.

        Args:
            id: The model.
            rows: Samples, a thousand at most: by field a number, a curve, the name of a class, or images.
            axes: Axes of curves, by field, to be checked against those of the model.
            units: Units, by field, to be checked too.

        Raises:
            InvalidInput: A field is missing or unfit, or a curve lies on another axis: the remedy says what to do.
            Conflict: The model is not trained.
        """
        checked = {"axes": dict(axes or {}), "units": dict(units or {})}
        return self._send("POST", f"{path_of('surrogates', id)}/predict", body={"rows": [dict(row) for row in rows], **checked})

    def surrogate_files(self, id: str, path: str | Path | None = None) -> bytes:
        """A trained model as a ZIP of safetensors and JSON, written to ``path`` too where one is given."""
        content = self._transport.send("GET", f"{path_of('surrogates', id)}/artifact").content
        if path is not None:
            Path(path).write_bytes(content)
        return content
