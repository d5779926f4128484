"""The laws that a stranger's codec is held to: kept by one that is sound, and told where one is not."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from codec.codec import Codec
from codec.contract import RGB, Encoded, EncodeOptions
from codec.laws import LAWS, examine
from tests.support.block_codec import block_codec


class Broken:
    """A sound codec, but for what a subclass does otherwise."""

    def __init__(self, codec: Codec) -> None:
        self._codec = codec

    def __getattr__(self, name: str) -> object:
        return getattr(self._codec, name)


class Cropping(Broken):
    def encode(self, images: Sequence[RGB], options: EncodeOptions) -> list[Encoded]:
        return self._codec.encode([image[:8, :8] for image in images], options)


class Believing(Broken):
    def decode(self, payloads: Sequence[bytes]) -> object:
        sound = [payload if len(payload) > 9 else self._any() for payload in payloads]
        return self._codec.decode(sound)

    def _any(self) -> bytes:
        return self._codec.encode([np.zeros((8, 8, 3), np.uint8)], EncodeOptions(quality=1))[0].payload


def test_a_sound_codec_keeps_them() -> None:
    assert [(law.sentence, found) for law, found in examine(block_codec()) if found] == []


@pytest.mark.parametrize(
    ("broken", "law", "found"),
    [
        (Cropping, "an image of any size comes back in its size", "came back as uint8 (1, 8, 3)"),
        (Believing, "a payload that was cut short is refused", "the first 0 of"),
        (Broken, "", ""),
    ],
    ids=["cropping", "believing", "sound"],
)
def test_what_is_broken_is_told(broken: type[Broken], law: str, found: str) -> None:
    broken_laws = {one.sentence: said for one, said in examine(broken(block_codec())) if said}  # type: ignore[arg-type]
    assert len(broken_laws) <= len(LAWS)
    assert found in broken_laws.get(law, "")
    assert bool(broken_laws) == bool(law)
