"""A whole codec from a model that can do three things: analyse, pass its symbols through a stream, synthesise.

Tiles, batches, quality, estimates, payloads and their checksums are here and in the files beside this one, so that a
family is its networks, its order of coding, and a weights file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from codec.codec import Codec
from codec.contract import FAITHFUL, Decoder
from codec.decoder_name import NamedDecoders
from codec.parts.tiled_decoder import TiledDecoder
from codec.parts.tiled_encoder import TiledEncoder
from codec.parts.tiled_model import PayloadFormat, RefinableModel, TiledModel
from codec.parts.tiled_opened import TiledOpener
from codec.parts.tiled_reader import TiledReader
from codec.parts.tiled_refiner import TiledRefiner
from codec.weights_file import weights_name

_NONE: Final[Mapping[str, Decoder]] = MappingProxyType({})


class TiledCodec(Codec):
    """A codec made of tiled models."""

    encoder: TiledEncoder
    reader: TiledReader

    def __init__(
        self,
        family: str,
        own: TiledModel,
        others: Sequence[TiledModel] = (),
        *,
        default_quality: int,
        payload_format: PayloadFormat | None = None,
        decoders: Mapping[str, Decoder] = _NONE,
    ) -> None:
        """Encode with one model; decode what it or one of the others made.

        Args:
            family: the codec's id.
            own: the model to encode with.
            others: further models to decode with.
            default_quality: the quality of a run that asks for none.
            payload_format: of a family that is older than the envelope.
            decoders: beside the faithful one, by name.
        """
        chosen = payload_format or PayloadFormat()
        models = {model.digest: model for model in (*others, own)}
        reader = TiledReader(family, models, chosen)
        every = NamedDecoders({FAITHFUL: TiledDecoder(models), **decoders})
        super().__init__(
            id=family,
            default_quality=default_quality,
            weights={weights_name(own.digest): own.file},
            encoder=TiledEncoder(family, own, chosen),
            reader=reader,
            decoders=every,
            refiner=TiledRefiner(own) if isinstance(own, RefinableModel) else None,
            opener=TiledOpener(reader, every),
            takes_maps=chosen.holds_maps,
            takes_words=chosen.holds_words,
        )
