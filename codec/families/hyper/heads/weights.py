"""The weights file of a head: whose payloads it reads, what its classes are called, and its network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from codec.errors import WeightsError
from codec.families.hyper import FAMILY
from codec.families.hyper.for_payloads import ForPayloadsConfig
from codec.families.hyper.heads.config import LabelsConfig
from codec.families.hyper.heads.network import LabelNetwork
from codec.families.hyper.heads.packed import unpacked
from codec.family_weights import read_config
from codec.parts.start_values import without_values
from codec.weights_file import WeightsFile, load_state
from codec.weights_role import HEAD


class HeadConfig(ForPayloadsConfig):
    """What is needed to use a head's weights file, and where it came from."""

    role: Literal["head"] = "head"
    head: Literal["labels"] = "labels"
    model: LabelsConfig
    labels: tuple[str, ...]
    """What its classes are called."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HeadWeights:
    """One loaded head, on the CPU."""

    config: HeadConfig
    network: LabelNetwork
    digest: bytes


def understand_head(file: WeightsFile) -> HeadWeights:
    """A weights file as a head, ready to read latents.

    Raises:
        WeightsError: it is no head's of this family, or not whole.
    """
    config = read_config(file, HeadConfig, FAMILY.id, role=HEAD)
    if len(config.labels) != config.model.classes:
        raise WeightsError(
            f"expected names of {config.model.classes} classes, got {len(config.labels)} ({file.where})"
        )
    with without_values():  # no memory before it is known to fit
        network = LabelNetwork(config.model)
    load_state(network, unpacked(file.tensors), where=file.where)
    return HeadWeights(config=config, network=network, digest=file.digest)
