"""What a head sees in payloads: an embedding and labels, without a picture.

Shape legend: E length of an embedding; K labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Seen:
    """What a head sees in one image."""

    embedding: npt.NDArray[np.float32]
    """(E,): images that look alike to the head have embeddings of one direction."""
    scores: npt.NDArray[np.float32]
    """(K,): how sure the head is of each of its labels; they add up to 1."""


class Head(Protocol):
    """Payloads -> what is to be seen in the images, without a picture.

    Law: what is seen in one does not depend on what else is in its batch: to the last bit where torch has one thread,
    within a millionth where several share the sums.
    """

    @property
    def digest(self) -> bytes:
        """First 8 bytes of the sha256 of its weights file: another head sees something else."""
        ...

    @property
    def labels(self) -> Sequence[str]:
        """What its classes are called."""
        ...

    def see(self, payloads: Sequence[bytes], orientations: Sequence[int | None]) -> list[Seen]:
        """What is seen in each.

        Args:
            payloads: of images.
            orientations: EXIF's, 1 to 8, of each: as which it is looked at.
        Raises:
            BitstreamError: a payload is damaged, truncated, or of another codec.
            UnknownWeightsError: it is sound, and made with weights that are not at hand.
            NoHeadError: the head is for other weights.
        """
        ...
