"""The fully connected autoencoder: "32 x 32 not tried", says the log, whose own at 172 x 172 ran out of memory.

Every block of the picture is coded for itself: what two blocks share is paid twice, and their edges show.

Shape legend: x_BCHW YCbCr pixels; y_BChw latents, one position a block.
"""

from __future__ import annotations

from torch import Tensor, nn

from codec.families.classic.config import DenseConfig
from codec.grid.network import GridNetwork
from codec.grid.principal import keep_principal
from codec.parts.blocks import Pointwise
from codec.parts.space_to_channels import from_patches, to_patches


class Dense(GridNetwork):
    """Pixels of a block -> hidden -> latents -> hidden -> pixels; each arrow joins everything with everything."""

    halo = 0

    def __init__(self, config: DenseConfig) -> None:
        super().__init__()
        self.grid, self.channels = config.block, config.channels
        values = 3 * config.block**2
        self.bends = nn.ModuleList(nn.PReLU(config.hidden, init=1.0) for _ in range(2))
        self.reduce, self.encode = Pointwise(values, config.hidden), Pointwise(config.hidden, config.channels)
        self.decode, self.expand = Pointwise(config.channels, config.hidden), Pointwise(config.hidden, values)

    def analyse(self, x_BCHW: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, C, H / block, W / block)."""
        y_BChw: Tensor = self.encode(self.bends[0](self.reduce(to_patches(x_BCHW, self.grid))))
        return y_BChw

    def synthesise(self, y_BChw: Tensor) -> Tensor:
        """(B, C, h, w) -> (B, 3, H, W)."""
        return from_patches(self.expand(self.bends[1](self.decode(y_BChw))), self.grid)

    def start(self, x_BCHW: Tensor) -> bool:
        """Begin as a linear transform that bends nothing yet."""
        p_BVhw = to_patches(x_BCHW, self.grid)
        keep_principal(self.reduce, self.expand, p_BVhw)
        keep_principal(self.encode, self.decode, self.reduce(p_BVhw))
        return True
