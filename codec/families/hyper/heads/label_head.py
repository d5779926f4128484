"""The head `labels` on a device: reads no more of a payload than it looks at."""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import torch

from codec.errors import NoHeadError
from codec.families.hyper.bitstream import parse_payload
from codec.families.hyper.config import GRID
from codec.families.hyper.heads.network import LabelNetwork
from codec.families.hyper.heads.weights import HeadWeights
from codec.head import Seen
from codec.parts.tiled_reader import TiledReader


class LabelHead:
    """Implements `codec.head.Head`, over the models that there is a network for."""

    def __init__(self, weights: Sequence[HeadWeights], reader: TiledReader, device: torch.device) -> None:
        """Copy the networks onto the device: the weights may serve another one as well.

        Args:
            weights: at least one; all have the labels of the last.
            reader: of the codec.
            device: where that runs.
        """
        self.digest, self.labels = weights[-1].digest, weights[-1].config.labels
        self._reader, self._device = reader, device
        self._networks = {
            bytes.fromhex(one.config.reads): copy.deepcopy(one.network).to(device) for one in weights
        }

    def see(self, payloads: Sequence[bytes]) -> list[Seen]:
        """What is seen in each.

        Raises:
            BitstreamError, UnknownWeightsError, NoHeadError: as `codec.head.Head.see`.
        """
        alike: dict[tuple[bytes, int], list[int]] = defaultdict(list)
        for number, payload in enumerate(payloads):
            envelope = parse_payload(payload)
            network = self._network(envelope.weights_digest)
            grid = (-(-envelope.height // GRID), -(-envelope.width // GRID))
            alike[envelope.weights_digest, network.channels_of(*grid)].append(number)
        found: dict[int, Seen] = {}
        for (digest, channels), numbers in alike.items():
            for part in self._reader.read_first([payloads[number] for number in numbers], channels):
                for place, y_Khw in part:
                    found[numbers[place]] = self._seen(self._networks[digest], y_Khw)
        return [found[number] for number in range(len(payloads))]

    def _network(self, digest: bytes) -> LabelNetwork:
        if digest not in self._networks:
            known = ", ".join(one.hex() for one in self._networks)
            raise NoHeadError(
                f"expected a payload of weights that a head reads ({known}), got one of {digest.hex()}: its labels "
                "can be had from pixels alone"
            )
        return self._networks[digest]

    def _seen(self, network: LabelNetwork, y_Khw: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> Seen:
        with torch.inference_mode():
            e_1E, logits_1K = network(torch.from_numpy(y_Khw)[None].to(self._device))
            return Seen(
                embedding=e_1E[0].cpu().numpy(), scores=torch.softmax(logits_1K[0].float(), 0).cpu().numpy()
            )
