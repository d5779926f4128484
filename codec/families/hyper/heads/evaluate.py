"""How often a head says of held-back pictures what its teacher says of the originals: agreement, not accuracy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from torch import Tensor
from torch.nn import functional

_FIRST: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """Means over pictures, 0 to 1 (the cosine: -1 to 1)."""

    top1: float
    """How often the first label is the same."""
    top5: float
    """What share of the first five labels is among the other's first five."""
    top1_in_5: float
    """How often the teacher's first label is among the head's first five."""
    cosine: float
    """Between embeddings."""


def agreement(logits_NK: Tensor, teacher_NK: Tensor, embeddings_NE: Tensor, teacher_NE: Tensor) -> Agreement:
    """Of a head, or of the teacher on other pixels, with the teacher on originals."""
    first, expected = (one.topk(min(_FIRST, one.shape[1]), dim=1)[1] for one in (logits_NK, teacher_NK))
    shared_N55 = first[:, :, None] == expected[:, None, :]
    return Agreement(
        top1=float((first[:, 0] == expected[:, 0]).float().mean()),
        top5=float(shared_N55.any(2).float().mean()),
        top1_in_5=float((first == expected[:, :1]).any(1).float().mean()),
        cosine=float(functional.cosine_similarity(embeddings_NE, teacher_NE, dim=1).mean()),
    )


def as_facts(found: Sequence[tuple[int, Agreement]]) -> dict[str, float]:
    """For the log: `top1_q08` and so on."""
    return {
        f"{name}_q{quality:02d}": float(getattr(one, name))
        for quality, one in found
        for name in ("top1", "top5", "top1_in_5", "cosine")
    }
