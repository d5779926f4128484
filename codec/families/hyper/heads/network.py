"""The head `labels`: latents to an embedding, and from there to classes.

    y_hat (first channels) --halve while large--> y --1x1, blocks--> at 1/16 --merge, blocks--> at 1/32
        --1x1--> an embedding of every place --mean--> embedding --1x1--> logits

A large picture is halved, and halved again, in its latents, until its shorter side has fewer than 32 positions: what
follows is little work, whatever the picture's size.

Shape legend: y_BKhw the first latents; e_BEuv embeddings of places at 1/32; e_BE embeddings of pictures.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from codec.families.hyper.heads.config import LabelsConfig
from codec.parts.blocks import Block, Pointwise, product_in_float32
from codec.parts.space_to_channels import merge


class LabelNetwork(nn.Module):
    """Latents -> what is to be seen."""

    def __init__(self, config: LabelsConfig) -> None:
        super().__init__()
        self.config = config
        self.halving: Tensor
        """(channels, 4 coarse): of `halving.py`."""
        self.register_buffer("halving", torch.zeros(config.channels, 4 * config.coarse))
        self.size: Tensor
        """(channels,): how large each latent typically is."""
        self.register_buffer("size", torch.ones(config.channels))
        self.stem = Pointwise(config.channels, config.width)
        self.blocks = nn.Sequential(*[Block(config.width) for _ in range(config.blocks)])
        self.widen = Pointwise(4 * config.width, config.wide)
        self.wide_blocks = nn.Sequential(*[Block(config.wide) for _ in range(config.wide_blocks)])
        self.embed = Pointwise(config.wide, config.embedding)
        self.classify = nn.Linear(config.embedding, config.classes)

    def halvings(self, height: int, width: int) -> int:
        """How often latents of so many positions are halved."""
        count, side = 0, min(height, width)
        while side >= 2 * self.config.side:
            count, side = count + 1, -(-side // 2)
        return count

    def channels_of(self, height: int, width: int) -> int:
        """How many latent channels, from the first, a picture of so many positions is read by."""
        return self.config.coarse if self.halvings(height, width) else self.config.channels

    def forward(self, y_BKhw: Tensor) -> tuple[Tensor, Tensor]:
        """(B, channels_of(h, w), h, w) -> (B, E) embeddings and (B, classes) logits."""
        for _ in range(self.halvings(*y_BKhw.shape[2:])):
            merged = merge(_even(y_BKhw[:, : self.config.coarse]))
            y_BKhw = product_in_float32(merged, self.halving[:, :, None, None])
        e_BE = self.places(y_BKhw).mean((2, 3))
        return e_BE, self.logits(e_BE)

    def places(self, y_BKhw: Tensor) -> Tensor:
        """(B, channels, h, w) -> (B, E, h / 2, w / 2) rounded up: the embedding of every place."""
        f_BFhw = self.blocks(self.stem(y_BKhw / self.size[:, None, None]))
        e_BEuv: Tensor = self.embed(self.wide_blocks(self.widen(merge(_even(f_BFhw)))))
        return e_BEuv.float()

    def logits(self, e_BE: Tensor) -> Tensor:
        """(B, E) -> (B, classes)."""
        found: Tensor = self.classify(e_BE)
        return found


def _even(f_BFhw: Tensor) -> Tensor:
    """With the last row and column twice where there is an odd number of them."""
    rows, columns = (length % 2 for length in f_BFhw.shape[2:])
    return functional.pad(f_BFhw, (0, columns, 0, rows), mode="replicate") if rows or columns else f_BFhw
