"""The reader of a tiled codec: payloads of any of its models to latents, whole or as far as they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from codec.bitstream import Envelope
from codec.entropy.prefix_stream import PrefixStream
from codec.entropy.symbol_streams import split_prefix
from codec.errors import BitstreamError, UnknownWeightsError
from codec.parts.company import gathered
from codec.parts.image_quality import QualityGrid
from codec.parts.tile_loop import latent_grid
from codec.parts.tiled_latents import TiledLatents, begun, finished, qualities_of
from codec.parts.tiled_model import PayloadFormat, ProgressiveModel, TiledModel, Walk, most_together

_Given = TypeVar("_Given")


class TiledReader:
    """Reads what any of some models made."""

    def __init__(
        self, family: str, models: Mapping[bytes, TiledModel], payload_format: PayloadFormat
    ) -> None:
        """Take the models by the digests of their weights files."""
        self._family, self._models, self._format = family, models, payload_format

    def read(self, payload: bytes) -> TiledLatents:
        """Entropy-decode one payload.

        Raises:
            BitstreamError: it is damaged, truncated, or of another codec; or its symbols are not those encoded.
            UnknownWeightsError: it was made with a model that is not at hand.
        """
        (latents,) = self._read([self._parsed(payload)])
        return latents

    def read_all(self, payloads: Sequence[bytes]) -> Iterator[list[tuple[int, TiledLatents]]]:
        """Entropy-decode a batch, in parts: small images of one grid together, a large one alone.

        Raises:
            BitstreamError, UnknownWeightsError: as `read`.
        """
        for numbers, envelopes in self._together(payloads):
            yield list(zip(numbers, self._read(envelopes), strict=True))

    def read_first(
        self, payloads: Sequence[bytes], channels: int
    ) -> Iterator[list[tuple[int, npt.NDArray[np.float32]]]]:
        """The first channels of y_hat, (channels, h, w), in the same parts: read only so far, where the model is a
        `ProgressiveModel`.

        Raises:
            BitstreamError, UnknownWeightsError: as `read`; symbols that are not those encoded are found only where all
                are read.
        """
        for numbers, envelopes in self._together(payloads):
            first_BhwC = self._first(envelopes, channels)
            yield list(zip(numbers, first_BhwC.permute(0, 3, 1, 2).contiguous().cpu().numpy(), strict=True))

    def _together(self, payloads: Sequence[bytes]) -> Iterator[tuple[list[int], list[Envelope]]]:
        """Payloads that are read together, and their numbers."""
        envelopes = [self._parsed(payload) for payload in payloads]

        def kind(number: int) -> tuple[bytes, tuple[int, int], bool, bool]:
            envelope = envelopes[number]
            model = self._models[envelope.weights_digest]
            grid = latent_grid(envelope.height, envelope.width, model.synthesis.grid)
            return model.digest, grid, envelope.map_table is not None, envelope.wide_first

        def most(kind: tuple[bytes, tuple[int, int], bool, bool]) -> int:
            return most_together(self._models[kind[0]], kind[1])

        for together in gathered(range(len(envelopes)), kind, most):
            yield together, [envelopes[number] for number in together]

    def read_prefix(self, prefix: bytes) -> tuple[TiledLatents, float]:
        """The latents that the first bytes of a payload tell, and the share of its symbols that they hold.

        The walk goes to its end, and symbols that are not known are zero: so means are foreseen for all.

        Raises:
            BitstreamError: the header is not whole, or of another codec.
            UnknownWeightsError: as `read`.
        """
        try:
            return self.read(prefix), 1.0
        except UnknownWeightsError:
            raise
        except BitstreamError:
            envelope = self._checked(self._format.parse_prefix(prefix))
        model = self._models[envelope.weights_digest]
        stream = PrefixStream(model.coder, *split_prefix(envelope.body), wide_first=envelope.wide_first)
        grid = latent_grid(envelope.height, envelope.width, model.synthesis.grid)
        with torch.inference_mode():
            qualities = qualities_of([envelope], model, grid, stream)
            y_1hwC = model.symbols(grid, qualities, stream, None)
        grids = QualityGrid.of(qualities, multiple=model.multiple, device=y_1hwC.device)
        latents = TiledLatents(y_hwC=y_1hwC[0], envelope=envelope, qualities=grids)
        return latents, stream.symbols_decoded / max(stream.symbols_asked, 1)

    def begin(self, payload: bytes) -> Reading:
        """One payload, of which nothing is entropy-decoded yet.

        Raises:
            BitstreamError, UnknownWeightsError: as `read`; symbols that are not those encoded are found later.
        """
        envelope = self._parsed(payload)
        return Reading(envelope, self._models[envelope.weights_digest])

    def _parsed(self, payload: bytes) -> Envelope:
        """A payload of this family, whose model is at hand."""
        return self._checked(self._format.parse(payload))

    def _checked(self, envelope: Envelope) -> Envelope:
        """The same, of this family, and its model is at hand."""
        if envelope.family != self._family:
            raise BitstreamError(f"expected a payload of {self._family}, got one of {envelope.family}")
        if envelope.weights_digest not in self._models:
            at_hand = ", ".join(digest.hex() for digest in self._models)
            raise UnknownWeightsError(envelope.weights_digest, at_hand)
        return envelope

    def _read(self, envelopes: Sequence[Envelope]) -> list[TiledLatents]:
        """The latents of payloads of one grid and one model."""
        model = self._models[envelopes[0].weights_digest]
        start = begun(envelopes, model)
        with torch.inference_mode():
            y_BhwC = model.symbols(start.grid, start.qualities, start.reader, None)
        return finished(envelopes, start, y_BhwC)

    def _first(self, envelopes: Sequence[Envelope], channels: int) -> Tensor:
        """The first channels of y_hat, (B, h, w, channels), of payloads of one grid and one model."""
        model = self._models[envelopes[0].weights_digest]
        if channels >= model.channels or not isinstance(model, ProgressiveModel):
            return torch.stack([latents.y_hwC[..., :channels] for latents in self._read(envelopes)])
        start = begun(envelopes, model)
        with torch.inference_mode():
            return model.walk(start.grid, start.qualities, start.reader).first(channels)


class Reading:
    """One payload that is read as far as its latents are asked for."""

    def __init__(self, envelope: Envelope, model: TiledModel) -> None:
        """Begin at nothing.

        Raises:
            BitstreamError: the payload does not hold a stream.
        """
        self.width, self.height, self.model = envelope.width, envelope.height, model
        self._envelope = envelope
        self._walk: Walk | None = None
        self._latents: TiledLatents | None = None
        self._damage: BitstreamError | None = None
        self._begin()

    def _begin(self) -> None:
        self._begun = start = begun([self._envelope], self.model)
        if isinstance(self.model, ProgressiveModel):
            self._walk = self.model.walk(start.grid, start.qualities, start.reader)

    def first(self, channels: int) -> Tensor:
        """The first channels of y_hat, (h, w, channels): read only so far, where the model is a `ProgressiveModel`.

        The checksum of the symbols is compared when all of them are read.

        Raises:
            BitstreamError: the payload is damaged.
        """
        walk = self._walk
        if walk is None:
            return self.latents().y_hwC[..., :channels]
        return self._go_on(lambda: walk.first(channels)[0])

    def latents(self) -> TiledLatents:
        """What `TiledReader.read` gives.

        Raises:
            BitstreamError: the payload is damaged, or its symbols are not those encoded.
        """
        if self._latents is None:
            self._latents = self._go_on(self._rest)
            self._walk = None
        return self._latents

    def _rest(self) -> TiledLatents:
        if self._walk is None:
            start = self._begun
            y_BhwC = self.model.symbols(start.grid, start.qualities, start.reader, None)
        else:
            y_BhwC = self._walk.finish()
        return finished([self._envelope], self._begun, y_BhwC)[0]

    def _go_on(self, more: Callable[[], _Given]) -> _Given:
        """More of the payload, unless it was found damaged: then nothing of it is trusted any more.

        What was interrupted begins again: a walk that was left midway never ends.
        """
        if self._damage is not None:
            raise self._damage
        try:
            with torch.inference_mode():
                return more()
        except BitstreamError as error:
            self._damage = error
            raise
        except BaseException:
            self._begin()
            raise
