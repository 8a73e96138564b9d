"""What the wells of one batch must keep to together: shared values and budgets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from optimizer.parameters import LinearConstraint, Parameter
from optimizer.types import InvalidInput


@dataclass(frozen=True)
class PerBatch:
    """Constraints across the wells of a batch.

    Attributes:
        shared: Parameters of which all wells of a batch have the same value; batches may differ.
        budgets: ``sum over wells of sum(coefficient * parameter) <= bound``, or ``<`` where not inclusive.
    """

    shared: tuple[str, ...] = ()
    budgets: tuple[LinearConstraint, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.shared or self.budgets)

    def check(self, parameters: Sequence[Parameter]) -> None:
        """Check that the constraints speak of the parameters of a space.

        Raises:
            InvalidInput: A name is unknown or repeated, nothing is left to differ between wells, or a budget is not finite.
        """
        names = [p.name for p in parameters]
        for index, name in enumerate(self.shared):
            if name not in names or name in self.shared[:index]:
                raise InvalidInput(
                    f"shared names {name}, which is {'named before' if name in names else 'no parameter'}",
                    where=("per_batch", "shared", index),
                    remedy=f"use each at most once: {', '.join(names)}",
                )
        if len(self.shared) == len(names):
            raise InvalidInput(
                "all parameters are shared, so that the wells of a batch could not differ",
                where=("per_batch", "shared"),
                remedy="leave out a parameter that may differ between the wells of a batch",
            )
        for index, budget in enumerate(self.budgets):
            budget.check(parameters, ("per_batch", "budgets", index))
