"""The `Accept` header: what a client takes, and how gladly."""

from __future__ import annotations

from collections.abc import Iterable


class Accept:
    """Weights of media types; without a header, all are taken."""

    def __init__(self, header: str | None) -> None:
        """Read a header; what cannot be read in it is passed over."""
        self._weights: dict[str, float] = {}
        for part in (header or "*/*").split(","):
            name, *parameters = (word.strip().lower() for word in part.split(";"))
            weight = next((text[2:] for text in parameters if text.startswith("q=")), "1")
            try:
                self._weights[name] = float(weight)
            except ValueError:
                self._weights[name] = 0.0

    def names(self, media_type: str) -> bool:
        """Whether it is taken by its own name, not as one of many."""
        return self._weights.get(media_type, 0.0) > 0

    def weight(self, media_type: str) -> float:
        """0 (not at all) to 1."""
        family = media_type.partition("/")[0]
        accepted = (name for name in (media_type, f"{family}/*", "*/*") if name in self._weights)
        return self._weights[name] if (name := next(accepted, None)) is not None else 0.0

    def best(self, offers: Iterable[str]) -> str | None:
        """The offer that is taken most gladly, of equals the first; None when none is taken."""
        offered = max(offers, key=self.weight, default=None)
        return None if offered is None or self.weight(offered) <= 0 else offered
