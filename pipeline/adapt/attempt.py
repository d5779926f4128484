"""An adaptation under way, as the archive keeps it: what it was told and drew, and how far it is.

    adapt/<adaptation>/attempt.json      what it was told, and its sample; written once
    adapt/<adaptation>/out/...           the folder of the training, copied now and then

The same command goes on with it; when it has come to its end, all of it goes.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from dataclasses import dataclass
from typing import Any, Final, Self

from pipeline.adapt.sample import SourceSample
from pipeline.archive.attempts import attempts, remove_objects
from pipeline.archive.layout import attempt_folder, new_run_id
from pipeline.archive.stored_plan import image_as_json, image_from_json
from pipeline.config import AdaptConfig
from pipeline.own_code import VERSION
from pipeline.source.source import SourceConfig
from pipeline.store.storage import Storage

_ATTEMPT_JSON: Final = "attempt.json"
OUT: Final = "out"
"""The folder of the training, within that of the attempt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What an adaptation was told, and what it drew."""

    adaptation: str
    codec: str
    weights_before: tuple[bytes, ...]
    """Digests of what the archive encodes with; empty for what ships with the codec."""
    fingerprint: str
    """Of all that makes two attempts the same."""
    sample: SourceSample

    @classmethod
    def new(
        cls, codec: str, weights_before: tuple[bytes, ...], fingerprint: str, sample: SourceSample
    ) -> Self:
        """One that begins now."""
        return cls(
            adaptation=new_run_id(),
            codec=codec,
            weights_before=weights_before,
            fingerprint=fingerprint,
            sample=sample,
        )

    @property
    def out(self) -> str:
        """Where the folder of its training is kept."""
        return f"{attempt_folder(self.adaptation)}/{OUT}"

    def write(self, archive: Storage) -> None:
        """Keep it: from here on the same command goes on with it."""
        archive.write(_path(self.adaptation), json.dumps(self._as_json()).encode())

    def _as_json(self) -> dict[str, Any]:
        return {
            "adaptation": self.adaptation,
            "codec": self.codec,
            "weights_before": [digest.hex() for digest in self.weights_before],
            "fingerprint": self.fingerprint,
            "listed_images": self.sample.listed_images,
            "listed_bytes": self.sample.listed_bytes,
            "learn": [image_as_json(image) for image in self.sample.learn],
            "held_back": [image_as_json(image) for image in self.sample.held_back],
        }


def fingerprint_of(
    source: SourceConfig, codec: str, weights_before: tuple[bytes, ...], config: AdaptConfig
) -> str:
    """Of what makes two attempts the same: not workers or endpoints. Another release begins anew."""
    same = {
        "tenfold": VERSION,
        "source": source.model_dump(mode="json", exclude={"storage"}, exclude_defaults=True),
        "codec": codec,
        "weights_before": [digest.hex() for digest in weights_before],
        "adapt": config.model_dump(mode="json"),
    }
    return hashlib.sha256(json.dumps(same, sort_keys=True).encode()).hexdigest()[:16]


def read_attempt(archive: Storage, adaptation: str) -> Attempt:
    """What was kept.

    Raises:
        FileNotFoundError: there is no such attempt.
        ValueError, KeyError, TypeError: it is damaged.
    """
    said = json.loads(archive.read(_path(adaptation)))
    return Attempt(
        adaptation=adaptation,
        codec=said["codec"],
        weights_before=tuple(bytes.fromhex(digest) for digest in said["weights_before"]),
        fingerprint=said["fingerprint"],
        sample=SourceSample(
            learn=tuple(image_from_json(image) for image in said["learn"]),
            held_back=tuple(image_from_json(image) for image in said["held_back"]),
            listed_images=said["listed_images"],
            listed_bytes=said["listed_bytes"],
        ),
    )


def interrupted_attempt(archive: Storage, fingerprint: str) -> Attempt | None:
    """The newest attempt that is the same; None when there is none that can be read."""
    for adaptation in sorted(attempts(archive), reverse=True):
        with contextlib.suppress(FileNotFoundError, ValueError, KeyError, TypeError):
            attempt = read_attempt(archive, adaptation)
            if attempt.fingerprint == fingerprint:
                return attempt
    return None


def remove_attempts(archive: Storage, *, but: str | None = None) -> None:
    """Remove what attempts have left, all but one: those of another source, time or codec lead nowhere."""
    for adaptation, objects in attempts(archive).items():
        if adaptation != but:
            remove_objects(archive, objects)


def _path(adaptation: str) -> str:
    return f"{attempt_folder(adaptation)}/{_ATTEMPT_JSON}"
