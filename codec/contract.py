"""The contract of a codec family: pixels in, bytes out, and back. It has three parts.

    pixels --Encoder--> payload --Reader--> latents --Decoder--> pixels

`Codec` binds them. What is encoded is settled by encoder and reader; several decoders can show the same latents. Who
wants a small picture, or a part of one, opens a payload (`Opened`) instead of decoding it.
Every payload is an envelope (`codec/bitstream.py`), or of one of the two kinds that are older: `codec/payload_head.py`
says of all of them, without their family, which family and which weights they need.

Shape legend: H, W image height and width in pixels; C latent channels; h, w latent grid.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from codec.errors import CodecConfigError, NoDecoderError, NoHeadError
from codec.importance_map import GreyMap
from codec.near_names import did_you_mean
from codec.whole_picture import WholePicture

RGB = npt.NDArray[np.uint8]
"""One image: uint8, shape (H, W, 3), sRGB order R, G, B; H and W at least 1."""

DEFAULT_CODEC: Final = "hyper-1"
"""What a run that names no codec encodes with."""

QUALITIES: Final = range(64)
"""Every family offers the same 64 quality levels: 0 smallest, 63 best. Numbers between two levels are taken too:
they serve targets that lie between."""
EFFORTS: Final = range(4)
"""How long an encoder may look for latents that say more with their bits: 0, not at all, to 3, for minutes a megapixel
on one core. A decoder sees no difference."""
SIXTEENTHS: Final = 16
"""A payload knows its quality in sixteenths of a level."""
FAITHFUL: Final = "faithful"
"""The decoder that every family has: as near to the original as the payload allows."""


def as_rgb(pixels: npt.NDArray[np.uint8]) -> RGB:
    """(H, W, 1) grey or (H, W, 3) RGB, as RGB."""
    return np.repeat(pixels, 3, axis=2) if pixels.shape[2] == 1 else pixels


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EncodeOptions:
    """What is asked of an encoder for one image. A further field has a default that changes no payload."""

    quality: float
    """In [0, 63]."""
    effort: int = 0
    """Of `EFFORTS`; above 0 only codecs that have a `refiner` take it."""
    importance: GreyMap | None = None
    """Where bits matter (`codec/importance_map.py`); None for everywhere alike. Only codecs that take maps take one."""

    def __post_init__(self) -> None:
        """Refuse what is not a quality, or not an effort.

        Raises:
            ValueError: the quality is outside [0, 63], or the effort is not in `EFFORTS`.
        """
        if not QUALITIES.start <= self.quality <= QUALITIES.stop - 1:
            raise ValueError(f"expected a quality from 0 to {QUALITIES.stop - 1}, got {self.quality}")
        if self.effort not in EFFORTS:
            raise ValueError(f"expected an effort from 0 to {EFFORTS.stop - 1}, got {self.effort}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """One image's bitstream and the facts about it that a reader checks."""

    payload: bytes
    latent_shape: tuple[int, int, int]
    """(C, h, w) of the latents inside the payload."""
    symbols_crc32: int
    """zlib.crc32 of the symbols inside the payload (little-endian): equal on every machine that decodes."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Decoded:
    """One image as its payload gives it back."""

    pixels: RGB
    symbols_crc32: int
    """Of the symbols it was made from, as `Encoded.symbols_crc32`: compared with what the payload says of them."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DecodedPrefix:
    """What the first bytes of a payload show. No checksum stands behind it: a payload's are of the whole."""

    pixels: RGB
    """In full size."""
    known: float
    """The share of the payload's symbols that was known, 0 to 1."""


class Prepared(Protocol):
    """One image after the analysis transform: every quality can be had from here without running it again."""

    @property
    def width(self) -> int:
        """Of the image, in pixels."""
        ...

    @property
    def height(self) -> int:
        """Of the image, in pixels."""
        ...


class Latents(Protocol):
    """What a payload holds, entropy-decoded and checked: all that a decoder needs, and heads that want no picture."""

    @property
    def width(self) -> int:
        """Of the image, in pixels."""
        ...

    @property
    def height(self) -> int:
        """Of the image, in pixels."""
        ...

    @property
    def weights_digest(self) -> bytes:
        """First 8 bytes of the sha256 of the weights file that made the payload."""
        ...

    @property
    def symbols_crc32(self) -> int:
        """Of the symbols found; the payload says the same."""
        ...

    def y_hat(self) -> npt.NDArray[np.float32]:
        """The dequantised latents, (C, h, w)."""
        ...


class Encoder(Protocol):
    """Pixels -> payloads.

    Law: what an image becomes does not depend, byte for byte, on what else is in its batch.
    """

    def prepare(self, images: Sequence[RGB]) -> list[Prepared]:
        """Run the analysis transform on a batch.

        Raises:
            ValueError: an image is not uint8 (H, W, 3), or larger than a payload can hold.
        """
        ...

    def estimate_bytes(self, prepared: Sequence[Prepared], options: Sequence[EncodeOptions]) -> list[int]:
        """About how long each payload would be: within 1 % of what `finish` writes of the same."""
        ...

    def finish(self, prepared: Sequence[Prepared], options: Sequence[EncodeOptions]) -> list[Encoded]:
        """Quantise and entropy-code a batch, each image with its own options."""
        ...


class Refiner(Protocol):
    """Latents -> latents that say more with their bits: an encoder's search, which no decoder needs to know of.

    Law: what an image becomes does not depend on what else is in its batch.
    """

    def refine(
        self, images: Sequence[RGB], prepared: Sequence[Prepared], options: Sequence[EncodeOptions]
    ) -> list[Prepared]:
        """Images as `Encoder.finish` is to take them with the same options, and with no others.

        Args:
            images: those that were prepared.
            prepared: what `Encoder.prepare` gave; an image whose options ask for no effort stays as it is.
        """
        ...


class Reader(Protocol):
    """Payloads -> latents."""

    def read(self, payload: bytes) -> Latents:
        """Entropy-decode one payload.

        Raises:
            BitstreamError: it is damaged, truncated, or of another codec; or its symbols are not those encoded.
            UnknownWeightsError: it is sound, and made with weights that are not at hand.
        """
        ...

    def read_all(self, payloads: Sequence[bytes]) -> Iterator[Sequence[tuple[int, Latents]]]:
        """Entropy-decode a batch part by part, each as large as it should be for a decoder, and in memory at once.

        What a payload gives does not depend on what else is in the batch.

        Yields:
            Parts: the number of each payload, and its latents. Every payload is in one of them.
        Raises:
            BitstreamError, UnknownWeightsError: as `read`.
        """
        ...


@runtime_checkable
class PartialReader(Reader, Protocol):
    """A reader that can stop once it has the first channels of the latents."""

    def read_first(
        self, payloads: Sequence[bytes], channels: int
    ) -> Iterator[Sequence[tuple[int, npt.NDArray[np.float32]]]]:
        """The first channels of the latents of a batch, part by part; the checksums of their symbols are not compared.

        Yields:
            Parts: the number of each payload, and `Latents.y_hat()[:channels]`. Every payload is in one of them.
        Raises:
            BitstreamError, UnknownWeightsError: as `read`.
        """
        ...


@runtime_checkable
class PrefixReader(Reader, Protocol):
    """A reader that makes something of the beginning of a payload."""

    def read_prefix(self, prefix: bytes) -> tuple[Latents, float]:
        """What the first bytes of a payload say of its latents; what they do not say is as it is most likely.

        Returns:
            The latents, and the share of the payload's symbols that they were made from.
        Raises:
            BitstreamError: not even the header is whole, or it is of another codec.
            UnknownWeightsError: the payload was made with weights that are not at hand.
        """
        ...


class Decoder(Protocol):
    """Latents -> pixels. Decoders derive from it: what they do not say of themselves is as it is of a faithful one."""

    generates: bool = False
    """Whether its pictures show what no payload says: such a picture is called *generated* wherever it goes."""

    def shows(self, weights_digest: bytes) -> bool:
        """Whether it can show payloads made with these weights, of those that its codec reads."""
        del weights_digest
        return True

    def synthesise(self, latents: Sequence[Latents]) -> list[RGB]:
        """The images, in the order of their latents.

        Args:
            latents: a part of what the reader of the same codec gave, of weights that it shows.
        """
        ...


class Opened(Protocol):
    """One payload, decoded as far as was asked of it so far; what was decoded is kept. Not for two threads at once.

    Pictures are as one decoder shows them. What comes back may be what is held: it is not to be written to.
    """

    @property
    def width(self) -> int:
        """Of the image, in pixels."""
        ...

    @property
    def height(self) -> int:
        """Of the image, in pixels."""
        ...

    @property
    def holds_bytes(self) -> int:
        """Memory that it takes at most, about: what a cache counts."""
        ...

    def scaled(self, denominator: int) -> RGB:
        """The whole picture, smaller: (ceil(H / denominator), ceil(W / denominator), 3).

        A pixel is about the mean of the pixels that it stands for. At 1 it is `whole`.

        Args:
            denominator: of `codec.sizes.DENOMINATORS`: 1, 2, 4, 8 or 16.
        Raises:
            ValueError: it is another number.
            BitstreamError: the payload is damaged.
        """
        ...

    def region(self, left: int, top: int, width: int, height: int) -> RGB:
        """A part of `whole`, equal to it: `whole()[top : top + height, left : left + width]`.

        Raises:
            ValueError: it is empty, or not all of it lies in the image.
            BitstreamError: the payload is damaged.
        """
        ...

    def whole(self) -> RGB:
        """The picture that `Codec.decode` gives, (H, W, 3).

        Raises:
            BitstreamError: the payload is damaged.
        """
        ...


class Opener(Protocol):
    """Payloads -> pictures, where less than the whole can be had for less."""

    def open(self, payload: bytes, *, decoder: str) -> Opened:
        """Take a payload; most of it is decoded when that is needed.

        Args:
            decoder: one of the codec's.
        Raises:
            BitstreamError: it is damaged, truncated, or of another codec.
            UnknownWeightsError: it is sound, and made with weights that are not at hand.
            NoDecoderError: the decoder is for other weights.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Seen:
    """What a head sees in one image."""

    embedding: npt.NDArray[np.float32]
    """(E,): images that look alike to the head have embeddings of one direction."""
    scores: npt.NDArray[np.float32]
    """(K,): how sure the head is of each of its labels; they add up to 1."""


class Head(Protocol):
    """Payloads -> what is to be seen in the images, without a picture.

    Law: what is seen in one does not depend on what else is in its batch.
    """

    @property
    def digest(self) -> bytes:
        """First 8 bytes of the sha256 of its weights file: another head sees something else."""
        ...

    @property
    def labels(self) -> Sequence[str]:
        """What its classes are called."""
        ...

    def see(self, payloads: Sequence[bytes]) -> list[Seen]:
        """What is seen in each.

        Raises:
            BitstreamError: a payload is damaged, truncated, or of another codec.
            UnknownWeightsError: it is sound, and made with weights that are not at hand.
            NoHeadError: the head is for other weights.
        """
        ...


@dataclass(kw_only=True, eq=False, repr=False)
class Codec:
    """One codec family with its weights resident on one device.

    Laws: `encode(images, options)[i] == encode([images[i]], options)[0]`; `decode([e.payload])[0].pixels` has the shape
    of the image encoded; payloads describe themselves.
    """

    id: str
    """Name and version, as written in every catalogue row: `ae-zfp-1`."""
    default_quality: int
    """The quality of a run that asks for none."""
    weights: Mapping[str, bytes]
    """The weights files that the encoder's payloads need, by name: the file's digest and its suffix."""
    encoder: Encoder
    reader: Reader
    decoders: Mapping[str, Decoder]
    """By name; `faithful` is always among them."""
    refiner: Refiner | None = None
    """None where encoding knows no effort but 0."""
    opener: Opener | None = None
    """None where a small picture, or a part of one, takes as long as the whole."""
    takes_maps: bool = False
    """Whether its encoder takes importance maps (`EncodeOptions.importance`)."""
    head: Head | None = None
    """What reads labels and an embedding from payloads; None where nothing does."""

    def encode(self, images: Sequence[RGB], options: EncodeOptions) -> list[Encoded]:
        """Compress a batch, all images with the same options.

        Raises:
            ValueError: an image is not uint8 (H, W, 3), or larger than a payload can hold.
            CodecConfigError: effort is asked of a codec that knows none, or it is given a map and takes none.
        """
        self.check_importance(asked=options.importance is not None)
        each = [options] * len(images)
        return self.encoder.finish(self.refined(images, self.encoder.prepare(images), each), each)

    def refined(
        self, images: Sequence[RGB], prepared: Sequence[Prepared], options: Sequence[EncodeOptions]
    ) -> list[Prepared]:
        """Prepared images with the effort that their options ask for.

        Raises:
            CodecConfigError: effort is asked of a codec that knows none.
        """
        self.check_effort(max((one.effort for one in options), default=0))
        if self.refiner is None or not any(one.effort for one in options):
            return list(prepared)
        return self.refiner.refine(images, prepared, options)

    def check_effort(self, effort: int) -> None:
        """Refuse an effort that this codec does not know.

        Raises:
            CodecConfigError: it is above 0, and the codec refines nothing.
        """
        check_effort(self.id, effort, searches=self.refiner is not None)

    def check_importance(self, *, asked: bool) -> None:
        """Refuse a map where this codec takes none.

        Raises:
            CodecConfigError: one is asked for.
        """
        check_importance(self.id, asked=asked, takes_maps=self.takes_maps)

    def decode(self, payloads: Sequence[bytes], *, decoder: str = FAITHFUL) -> list[Decoded]:
        """Decompress a batch. What comes back was decoded from the symbols that were encoded: their CRC was compared.

        Raises:
            BitstreamError: a payload is damaged, truncated, or of another codec.
            CodecConfigError: this codec has no such decoder.
            NoDecoderError: it has, and none for the weights of one of the payloads.
        """
        chosen = self.named_decoder(decoder)
        found: dict[int, Decoded] = {}
        for part in self.reader.read_all(payloads):
            for _, latents in part:
                check_shown(self.decoders, decoder, latents.weights_digest)
            images = chosen.synthesise([latents for _, latents in part])
            for (number, latents), pixels in zip(part, images, strict=True):
                found[number] = Decoded(pixels=pixels, symbols_crc32=latents.symbols_crc32)
        return [found[number] for number in range(len(payloads))]

    def decode_prefix(self, prefix: bytes) -> DecodedPrefix:
        """What the first bytes of a payload show, by the faithful decoder: more bytes, more of the picture.

        Args:
            prefix: as many of the payload's bytes as there are; all of them show what `decode` shows.
        Raises:
            CodecConfigError: payloads of this codec show nothing until they are whole.
            BitstreamError: the prefix ends within the header (of `recurrent-1`: within the first iteration), or is of
                another codec. Damage behind the header is not noticed, and shows.
            UnknownWeightsError: the payload was made with weights that are not at hand.
        """
        if not isinstance(self.reader, PrefixReader):
            raise CodecConfigError(
                f"expected a codec whose payloads show something before they are whole, got {self.id}: decode the "
                f"whole payload; {DEFAULT_CODEC} has such payloads"
            )
        latents, known = self.reader.read_prefix(prefix)
        (pixels,) = self.decoders[FAITHFUL].synthesise([latents])
        return DecodedPrefix(pixels=pixels, known=known)

    def named_decoder(self, name: str) -> Decoder:
        """One of its decoders.

        Raises:
            CodecConfigError: this codec has none of that name.
        """
        if name not in self.decoders:
            raise CodecConfigError(
                f"expected a decoder of {self.id}, which are {', '.join(self.decoders)}; got {name!r}"
                f"{did_you_mean(name, self.decoders)}"
            )
        return self.decoders[name]

    def open(self, payload: bytes, *, decoder: str = FAITHFUL) -> Opened:
        """One payload, for pictures of any size and any part of it, as one decoder shows them.

        Raises:
            BitstreamError: it is damaged, truncated, or of another codec. What decodes little of it at first may find
                damage only when more is asked of it.
            UnknownWeightsError: it is sound, and made with weights that are not at hand.
            CodecConfigError, NoDecoderError: as `decode`.
        """
        chosen = self.named_decoder(decoder)
        if self.opener is not None:
            return self.opener.open(payload, decoder=decoder)
        latents = self.reader.read(payload)
        check_shown(self.decoders, decoder, latents.weights_digest)
        return WholePicture(latents.width, latents.height, lambda: chosen.synthesise([latents])[0])

    def see(self, payloads: Sequence[bytes]) -> list[Seen]:
        """What its head sees in a batch.

        Raises:
            NoHeadError: this codec has no head, or none for the weights of one of the payloads.
            BitstreamError, UnknownWeightsError: as `Head.see`.
        """
        return self.named_head().see(payloads)

    def named_head(self) -> Head:
        """Its head.

        Raises:
            NoHeadError: this codec has none.
        """
        if self.head is None:
            raise NoHeadError(
                f"expected a codec with a head that reads labels, such as {DEFAULT_CODEC}; {self.id} has none"
            )
        return self.head

    def latents(self, payload: bytes) -> npt.NDArray[np.float32]:
        """The dequantised latents y_hat, (C, h, w), without running a decoder.

        Raises:
            BitstreamError: the payload is damaged, truncated, or of another codec.
        """
        return self.reader.read(payload).y_hat()

    def first_latents(self, payloads: Sequence[bytes], channels: int | None) -> list[npt.NDArray[np.float32]]:
        """The first channels of the latents of a batch, (channels, h, w) each.

        A codec whose reader is a `PartialReader` reads no further, and sees no damage further on.

        Args:
            payloads: in any order; what one gives does not depend on the others.
            channels: None for all.
        Raises:
            BitstreamError: a payload is damaged, truncated, or of another codec.
        """
        found: dict[int, npt.NDArray[np.float32]] = {}
        if channels is not None and isinstance(self.reader, PartialReader):
            for first in self.reader.read_first(payloads, channels):
                found.update(first)
        else:
            for part in self.reader.read_all(payloads):
                found.update((number, latents.y_hat()[:channels]) for number, latents in part)
        return [found[number] for number in range(len(payloads))]


def check_shown(decoders: Mapping[str, Decoder], name: str, weights_digest: bytes) -> None:
    """Refuse a payload that one of a codec's decoders cannot show.

    Args:
        weights_digest: of the weights that made it.
    Raises:
        NoDecoderError: the text names the decoders that can.
    """
    if not decoders[name].shows(weights_digest):
        able = ", ".join(other for other, decoder in decoders.items() if decoder.shows(weights_digest))
        raise NoDecoderError(
            f"expected a decoder of payloads made with weights {weights_digest.hex()}, which are {able}; got {name!r}, "
            "whose weights here are for others"
        )


def check_images(images: Sequence[RGB]) -> None:
    """Refuse what is not 8-bit RGB.

    Raises:
        ValueError: an image is not uint8 (H, W, 3), or has no pixels.
    """
    for number, pixels in enumerate(images):
        if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or not pixels.size:
            raise ValueError(
                f"expected uint8 images of shape (H, W, 3), got {pixels.dtype} {pixels.shape} at {number}"
            )


def check_effort(codec_id: str, effort: int, *, searches: bool) -> None:
    """Refuse an effort of a codec that does not search.

    Raises:
        CodecConfigError: it is above 0.
    """
    if effort and not searches:
        raise CodecConfigError(
            f"expected effort 0 with {codec_id}, which encodes in one way only; got {effort}: leave it out, or choose "
            f"a codec that searches, such as {DEFAULT_CODEC}"
        )


def check_importance(codec_id: str, *, asked: bool, takes_maps: bool) -> None:
    """Refuse importance maps of a codec that spreads its bits in one way only.

    Raises:
        CodecConfigError: they are asked for, and it takes none.
    """
    if asked and not takes_maps:
        raise CodecConfigError(
            f"expected no importance with {codec_id}, which knows no maps: leave it out, or choose a codec that takes "
            f"them, such as {DEFAULT_CODEC}"
        )
