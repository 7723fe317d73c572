"""What relaxed choices have in common: they are transformed from a distribution that keeps their parameters."""

from __future__ import annotations

from typing import Any

from .transformed_distribution import TransformedDistribution


class Relaxed(TransformedDistribution):
    """A choice relaxed to numbers that have a gradient."""

    @property
    def temperature(self) -> Any:
        """What it is relaxed by."""
        return self.base_dist.temperature

    @property
    def probs(self) -> Any:
        """The probabilities of the choice."""
        return self.base_dist.probs

    @property
    def logits(self) -> Any:
        """The choice's parameters as logarithms: of odds for one event, of probabilities for several."""
        return self.base_dist.logits
