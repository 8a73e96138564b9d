"""Wire shapes of stop conditions, and of the conditions that lead from one phase of a campaign to the next."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from app.schemas.base import Count, Number, Shape
from optimizer.objective import Objective
from optimizer.switch import Advance, Switch
from optimizer.types import AccuracyLeg, InvalidInput, Leg, StopSettings

Rounds = Annotated[int, Field(strict=True, ge=0, le=10_000)]


class LegShape(Shape):
    """Met when the figure stays at or below the threshold for so many rounds running."""

    threshold: Number
    rounds: Annotated[Count, Field(le=100)] = 1

    def domain(self) -> Leg:
        """The domain type."""
        return Leg(self.threshold, self.rounds)


class AccuracyShape(LegShape):
    """Met when the predictions made before a round are near enough to what it gave, for so many rounds running."""

    mse: Annotated[Number | None, Field(description="Curves only: the mean squared error must stay at or below this as well")] = None

    def domain(self) -> AccuracyLeg:
        """The domain type."""
        return AccuracyLeg(self.threshold, self.rounds, self.mse)


class StopShape(Shape):
    """When to stop; a leg that is left out is not checked."""

    loss: Annotated[LegShape | None, Field(description="Best aggregated loss of a round")] = None
    stability: Annotated[
        LegShape | None,
        Field(
            description="Change from round to round. Numbers: of the predicted losses, and of the best loss so far. "
            "Curves: mean of 1 - cosine between the curves predicted on 256 fixed probe wells"
        ),
    ] = None
    accuracy: Annotated[
        AccuracyShape | None,
        Field(
            description="Error of what was predicted for a round before it was trained on. Numbers: RMSE of the losses. "
            "Curves: mean of 1 - cosine between predicted and measured curves"
        ),
    ] = None
    combine: Literal["any", "all"] = "any"

    def domain(self) -> StopSettings:
        """The domain type."""
        loss, stability = self.loss and self.loss.domain(), self.stability and self.stability.domain()
        return StopSettings(loss, stability, self.accuracy and self.accuracy.domain(), self.combine)

    def check(self, objective: Objective) -> None:
        """Check that the conditions speak of the outcome.

        Raises:
            InvalidInput: A condition on curves is set, and the outcome is a number.
        """
        if objective.axis is None and self.accuracy and self.accuracy.mse is not None:
            remedy = "leave mse out; the threshold is held against the RMSE of the losses"
            raise InvalidInput("mse compares curves, and the outcome is a number", where=("stop", "accuracy", "mse"), remedy=remedy)


class ToBothShape(Shape):
    """What leads from Bayesian optimization to both methods: all that is given; nothing given: at once."""

    after_rounds: Annotated[Rounds, Field(description="Rounds of Bayesian optimization that it takes")] = 0
    accuracy: Annotated[
        LegShape | None,
        Field(description="Mean of 1 - cosine between the measured curves of a round and those that the network predicted before it"),
    ] = None


class ToNetworkShape(Shape):
    """What leads from both methods to the network alone: all that is given; nothing given: at once."""

    after_rounds: Annotated[Rounds, Field(description="Rounds of both methods that it takes")] = 0
    lead: Annotated[
        LegShape | None, Field(description="Lowest loss of the network's wells in a round less that of the other rule's; 0: as good")
    ] = None


class SwitchShape(Shape):
    """How a network takes over from Bayesian optimization: bo -> both -> network."""

    network: Annotated[Literal["spectral_grid", "composite"], Field(description="Rule of the second step, which learns whole curves")] = (
        "spectral_grid"
    )
    together: Annotated[
        Literal["each", "split"], Field(description="Side by side, each rule proposes `batch_size` wells, or they split them")
    ] = "each"
    to_both: Annotated[ToBothShape | None, Field(description="null: never by itself")] = ToBothShape(after_rounds=4)
    to_network: Annotated[ToNetworkShape | None, Field(description="null: never by itself")] = ToNetworkShape(
        lead=LegShape(threshold=0, rounds=2)
    )
    back: Annotated[
        LegShape | None,
        Field(description="From the network back to both: what the best loss of a round gains over the best one before the phase"),
    ] = None

    def domain(self) -> Switch:
        """The domain type."""
        both, network = self.to_both, self.to_network
        return Switch(
            self.network,
            self.together,
            both and Advance(both.after_rounds, both.accuracy and both.accuracy.domain()),
            network and Advance(network.after_rounds, network.lead and network.lead.domain()),
            self.back and self.back.domain(),
        )

    def check(self, rule: str, objective: Objective, batch_size: int) -> None:
        """Check that two rules may take turns.

        Raises:
            InvalidInput: The outcome is a number, both rules are the same, or there is one well to split.
        """
        if objective.axis is None:
            remedy = "leave strategy.switch out, or use an objective whose outcome is a curve"
            raise InvalidInput("a network learns whole curves, and the outcome is a number", where=("strategy", "switch"), remedy=remedy)
        if rule == self.network:
            remedy = "name another rule in strategy.rules, such as lp_ei"
            raise InvalidInput(f"both rules are {rule}", where=("strategy", "switch", "network"), remedy=remedy)
        if self.together == "split" and batch_size < 2:
            remedy = "raise batch_size, or set together to each"
            raise InvalidInput("one well cannot be split between two rules", where=("strategy", "switch", "together"), remedy=remedy)
