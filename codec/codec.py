"""A codec: encoder, reader, decoders and what else a family has, bound together, and what is asked of them.

Shape legend: H, W image height and width in pixels; C latent channels; h, w latent grid.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from codec.checks import check_demands, check_shown
from codec.contract import (
    DEFAULT_CODEC,
    FAITHFUL,
    RGB,
    Decoder,
    Demands,
    Encoded,
    EncodeOptions,
    Encoder,
    PartialReader,
    PrefixReader,
    Prepared,
    Reader,
    Refiner,
)
from codec.errors import CodecConfigError, NoHeadError
from codec.head import Head, Seen
from codec.near_names import did_you_mean
from codec.opened import Opened, Opener
from codec.whole_picture import WholePicture


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
    decoded_share: float
    """The share of the payload's symbols that the prefix gives, 0 to 1."""


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
    takes_words: bool = False
    """Whether its encoder takes words (`EncodeOptions.words`)."""
    head: Head | None = None
    """What reads labels and an embedding from payloads; None where nothing does."""

    def encode(self, images: Sequence[RGB], options: EncodeOptions) -> list[Encoded]:
        """Compress a batch, all images with the same options.

        Raises:
            ValueError: an image is not uint8 (H, W, 3), or larger than a payload can hold.
            CodecConfigError: something is asked of the codec that it does not know.
        """
        self.check_demands(options.demands)
        each = [options] * len(images)
        return self.encoder.finish(self.refined(images, self.encoder.prepare(images), each), each)

    def refined(
        self, images: Sequence[RGB], prepared: Sequence[Prepared], options: Sequence[EncodeOptions]
    ) -> list[Prepared]:
        """Prepared images with the effort that their options ask for.

        Raises:
            CodecConfigError: effort is asked of a codec that knows none.
        """
        self.check_demands(Demands(effort=max((one.effort for one in options), default=0)))
        if self.refiner is None or not any(one.effort for one in options):
            return list(prepared)
        return self.refiner.refine(images, prepared, options)

    def check_demands(self, demands: Demands) -> None:
        """Refuse what this codec does not know.

        Raises:
            CodecConfigError: an effort where it refines nothing, maps where it takes none, or words likewise.
        """
        check_demands(
            self.id,
            demands,
            searches=self.refiner is not None,
            takes_maps=self.takes_maps,
            takes_words=self.takes_words,
        )

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
            TruncatedError: the prefix ends within the header, or of `recurrent-1` within the first iteration.
            BitstreamError: it is of another codec. Damage behind the header is not noticed, and shows.
            UnknownWeightsError: the payload was made with weights that are not at hand.
        """
        if not isinstance(self.reader, PrefixReader):
            raise CodecConfigError(
                f"expected a codec whose payloads show something before they are whole, got {self.id}: decode the "
                f"whole payload; {DEFAULT_CODEC} has such payloads"
            )
        latents, decoded_share = self.reader.read_prefix(prefix)
        (pixels,) = self.decoders[FAITHFUL].synthesise([latents])
        return DecodedPrefix(pixels=pixels, decoded_share=decoded_share)

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

    def see(self, payloads: Sequence[bytes], orientations: Sequence[int | None] | None = None) -> list[Seen]:
        """What its head sees in a batch.

        Args:
            payloads: of images.
            orientations: EXIF's, 1 to 8, of each: heads know what stands upright. None for all as they are stored.
        Raises:
            NoHeadError: this codec has no head, or none for the weights of one of the payloads.
            BitstreamError, UnknownWeightsError: as `Head.see`.
        """
        return self.required_head().see(payloads, orientations or [None] * len(payloads))

    def required_head(self) -> Head:
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
