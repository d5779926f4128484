"""Shots of earlier runs: a run that was stopped goes on, and the next one measures what is new."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import asdict
from typing import Final

from codec.bench.cache import KeptFolder
from codec.bench.zoo.entrant import Entrant
from codec.bench.zoo.shot import ZooShot

_MEASURES: Final = 1
"""Counts up when anything that a shot or a judge says is computed in another way."""
_FOLDER: Final = "zoo"


class KeptShots:
    """Shots with their payloads, and what judges of sets said, in the folder of all that benchmarks keep."""

    def __init__(self, kept: KeptFolder) -> None:
        self._kept = kept

    def load(self, entrant: Entrant, image_digest: str, bpp: float) -> tuple[ZooShot, bytes] | None:
        """What was stored, or None; what cannot be understood counts as none."""
        found = self._kept.load(_FOLDER, _key(entrant, image_digest, bpp))
        try:
            return None if found is None else (ZooShot(**found["shot"]), base64.b64decode(found["payload"]))
        except (KeyError, TypeError, ValueError):
            return None

    def store(self, entrant: Entrant, image_digest: str, bpp: float, shot: ZooShot, payload: bytes) -> None:
        """Keep a shot.

        Raises:
            OSError: the folder cannot be written.
        """
        value = {"shot": asdict(shot), "payload": base64.b64encode(payload).decode("ascii")}
        self._kept.store(_FOLDER, _key(entrant, image_digest, bpp), value)

    def load_of_set(
        self, entrant: Entrant, image_digests: Sequence[str], bpp: float, judge: str
    ) -> float | None:
        """What a judge of sets said of those images, or None."""
        found = self._kept.load(_FOLDER, _key(entrant, " ".join(image_digests), bpp) | {"judge": judge})
        score = (found or {}).get("score")
        return score if isinstance(score, float) else None

    def store_of_set(
        self, entrant: Entrant, image_digests: Sequence[str], bpp: float, judge: str, score: float
    ) -> None:
        """Keep what a judge of sets said.

        Raises:
            OSError: the folder cannot be written.
        """
        key = _key(entrant, " ".join(image_digests), bpp) | {"judge": judge}
        self._kept.store(_FOLDER, key, {"score": score})


def _key(entrant: Entrant, image: str, bpp: float) -> dict[str, object]:
    return {"entrant": entrant.identity, "image": image, "bpp": bpp, "measures": _MEASURES}
