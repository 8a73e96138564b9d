"""What models foretold: each knows the rounds up to a given one alone, and is fitted anew, so nothing depends on what was kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from optimizer.state import CampaignState
from optimizer.types import FloatArray

if TYPE_CHECKING:
    from models.surrogate import Surrogate
    from optimizer.surrogate import LossModel

# The models load torch or scipy, which the web process must not: they are imported late.


class Hindsight:
    """Predictions by models of the past of a campaign; a model that is asked again is not fitted again.

    Args:
        state: The campaign; its present settings and space are those of all models.
    """

    def __init__(self, state: CampaignState) -> None:
        self._state = state
        self._losses: dict[int, LossModel] = {}
        self._curves: dict[tuple[str, int], Surrogate] = {}

    def losses(self, last_round: int, X: FloatArray) -> FloatArray:
        """Losses of rows (n, d), shape (n,), by the model that knows the rounds up to ``last_round``, which has data."""
        if last_round not in self._losses:
            from optimizer.surrogate import fit_loss_model

            self._losses[last_round] = fit_loss_model(self._state, self._state.data.until(last_round))
        return self._losses[last_round].predict(X)

    def curves(self, rule: str, last_round: int, X: FloatArray) -> FloatArray:
        """Curves of rows (n, d), shape (n, m), by the model of a rule that knows the rounds up to ``last_round``, which has data."""
        if (rule, last_round) not in self._curves:
            self._curves[rule, last_round] = self._fitted(rule, last_round)
        return self._curves[rule, last_round].predict(self._state.space.encode(X))

    def _fitted(self, rule: str, last_round: int) -> Surrogate:
        state, data = self._state, self._state.data.until(last_round)
        from optimizer.rules import composite, spectral_grid

        if rule != spectral_grid.NAME:
            return composite.fit_curves(state, data)
        from models.nets import SpectrumNetwork

        return SpectrumNetwork(spectral_grid.SETTINGS, state.seed).fit(state.space.encode(data.X), data.Y)
