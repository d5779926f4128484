"""The head `labels` on a device: reads no more of a payload than it looks at."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from codec.errors import NoHeadError
from codec.families.hyper.bitstream import parse_payload
from codec.families.hyper.heads.network import LabelNetwork, upright
from codec.families.hyper.heads.weights import HeadWeights
from codec.head import Seen
from codec.parts.resident import on_device
from codec.parts.tiled_reader import TiledReader


class LabelHead:
    """Implements `codec.head.Head`, over the models that there is a network for."""

    def __init__(self, weights: Sequence[HeadWeights], reader: TiledReader, device: torch.device) -> None:
        """Take the weights. A network is put on the device when it is first asked for: most who decode never ask.

        Args:
            weights: at least one; all have the labels of the last.
            reader: of the codec.
            device: where that runs.
        """
        self.digest, self.labels = weights[-1].digest, weights[-1].config.labels
        self._reader, self._device = reader, device
        self._weights = {one.config.codec_digest: one for one in weights}
        self._networks: dict[bytes, LabelNetwork] = {}

    def see(self, payloads: Sequence[bytes], orientations: Sequence[int | None]) -> list[Seen]:
        """What is seen in each, upright.

        Raises:
            BitstreamError, UnknownWeightsError, NoHeadError: as `codec.head.Head.see`.
        """
        sizes: list[tuple[int, int]] = []
        alike: dict[tuple[bytes, int], list[int]] = defaultdict(list)
        for number, payload in enumerate(payloads):
            envelope = parse_payload(payload)
            sizes.append((envelope.height, envelope.width))
            channels = self._network(envelope.weights_digest).channels_of(*sizes[-1])
            alike[envelope.weights_digest, channels].append(number)
        found: dict[int, Seen] = {}
        for (digest, channels), numbers in alike.items():
            for part in self._reader.read_first([payloads[number] for number in numbers], channels):
                for place, y_Khw in part:
                    number = numbers[place]
                    found[number] = self._seen(
                        self._network(digest), y_Khw, sizes[number], orientations[number]
                    )
        return [found[number] for number in range(len(payloads))]

    def _network(self, digest: bytes) -> LabelNetwork:
        if digest not in self._weights:
            digests = ", ".join(one.hex() for one in self._weights)
            raise NoHeadError(
                f"expected a payload of weights that a head reads ({digests}), got one of {digest.hex()}: its labels "
                "can be had from pixels alone"
            )
        if digest not in self._networks:
            network = on_device(self._weights[digest].network, self._device)
            self._networks[digest] = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        return self._networks[digest]

    def _seen(
        self,
        network: LabelNetwork,
        y_Khw: npt.NDArray[np.float32],
        size: tuple[int, int],
        orientation: int | None,
    ) -> Seen:
        with torch.inference_mode():
            x_1CHW = network.view(torch.from_numpy(y_Khw)[None].to(self._device), *size)
            e_1E, logits_1K = network(upright(x_1CHW, orientation))
            return Seen(
                embedding=e_1E[0].cpu().numpy(), scores=torch.softmax(logits_1K[0].float(), 0).cpu().numpy()
            )
