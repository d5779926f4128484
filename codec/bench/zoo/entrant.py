"""What takes part: a model of a codec family, or an ordinary codec with all but its quality chosen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from codec.bench.baselines import Baseline
from codec.bench.libraries import library
from codec.codec import Codec
from codec.contract import FAITHFUL, QUALITIES, RGB, SIXTEENTHS, EncodeOptions
from codec.family import Cost

LEARNED_QUALITIES: Final = tuple(
    number / SIXTEENTHS for number in range(SIXTEENTHS * (QUALITIES.stop - 1) + 1)
)
"""Every quality that a payload can name."""
Encode = Callable[[float], bytes]
"""One image at a quality."""


class Coder(Protocol):
    """An entrant that is loaded."""

    def of(self, image: RGB) -> Encode:
        """To encode one image at several qualities; what does not depend on the quality is done once."""
        ...

    def decode(self, payload: bytes) -> RGB:
        """The picture of a whole file or payload."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Entrant:
    """One row of the sheet, before it is measured."""

    id: str
    """`hyper-1`, `classic-1/dense`, `jpeg_420`: as in claims and in JSON."""
    title: str
    source: str
    """The paper, or the library and its settings."""
    identity: str
    """Of its code, its weights and its settings: what was measured of it holds as long as this is the same."""
    qualities: Sequence[float]
    """Rising."""
    open: Callable[[], Coder]
    is_ordinary: bool = False
    """One of the codecs that everybody has."""
    cost: Cost | None = None
    minutes: float | None = None
    """That its training took; None where that was counted in steps, or nothing was trained."""
    steps: int | None = None
    trained_on: frozenset[str] = frozenset()
    """Judges that its training held it against: they do not judge it."""
    generates: bool = False
    """Whether its pictures show what no payload says."""


@dataclass(frozen=True, slots=True)
class LearnedCoder:
    """A codec of ours. Implements `Coder`."""

    codec: Codec
    decoder: str = FAITHFUL

    def of(self, image: RGB) -> Encode:
        """Its analysis runs once."""
        (prepared,) = self.codec.encoder.prepare([image])

        def encode(quality: float) -> bytes:
            (encoded,) = self.codec.encoder.finish([prepared], [EncodeOptions(quality=quality)])
            return encoded.payload

        return encode

    def decode(self, payload: bytes) -> RGB:
        """As an archive would."""
        (decoded,) = self.codec.decode([payload], decoder=self.decoder)
        return decoded.pixels


@dataclass(frozen=True, slots=True)
class OrdinaryCoder:
    """A codec through Pillow. Implements `Coder`."""

    baseline: Baseline

    def of(self, image: RGB) -> Encode:
        """Every quality from the start."""
        return lambda quality: self.baseline.encode(image, round(quality))

    def decode(self, payload: bytes) -> RGB:
        """The pixels of its file."""
        return self.baseline.decode(payload)


def ordinary(baseline: Baseline) -> Entrant:
    """An ordinary codec.

    Raises:
        MissingLibraryError: its library is not here.
    """
    behind = library(baseline.format)
    return Entrant(
        id=baseline.id,
        title=baseline.title,
        source=f"{behind}; {baseline.settings}",
        identity=f"{baseline.format} {baseline.settings} {behind}",
        qualities=range(1, max(baseline.qualities) + 1),
        open=lambda: OrdinaryCoder(baseline),
        is_ordinary=True,
    )
