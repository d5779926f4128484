"""The shape of one head, written into its weights file."""

from __future__ import annotations

from typing import Final

from pydantic import BaseModel, ConfigDict, Field, model_validator


class BottleneckShape(BaseModel):
    """One block: expand, depthwise, project."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    channels_in: int = Field(ge=1, le=4096)
    expanded: int = Field(ge=1, le=4096)
    """As many as come in: there is no layer that expands."""
    channels_out: int = Field(ge=1, le=4096)
    side: int = Field(ge=1, le=4096)
    """Of the depthwise kernel."""
    stride: int = Field(default=1, ge=1, le=2)


def _block(channels_in: int, expanded: int, channels_out: int, side: int, stride: int = 1) -> BottleneckShape:
    return BottleneckShape(
        channels_in=channels_in, expanded=expanded, channels_out=channels_out, side=side, stride=stride
    )


_LITE0: Final = (
    _block(32, 32, 16, 3),
    _block(16, 96, 24, 3, 2),
    _block(24, 144, 24, 3),
    _block(24, 144, 40, 5, 2),
    _block(40, 240, 40, 5),
    _block(40, 240, 80, 3, 2),
    *(_block(80, 480, 80, 3) for _ in range(2)),
    _block(80, 480, 112, 5),
    *(_block(112, 672, 112, 5) for _ in range(2)),
    _block(112, 672, 192, 5, 2),
    *(_block(192, 1152, 192, 5) for _ in range(3)),
    _block(192, 1152, 320, 3),
)


class LabelsConfig(BaseModel):
    """Channels and depths of the head `labels`. The defaults are EfficientNet-Lite0's."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    channels: int = Field(default=64, ge=1, le=4096)
    """Latent channels, from the first, by which a picture is read that is looked at whole."""
    coarse: int = Field(default=32, ge=1, le=4096)
    """Latent channels, from the first, by which one is read that is looked at in half its size or less."""
    side: int = Field(default=192, ge=32, le=4096, multiple_of=32)
    """Pixels along the shorter side of what it looks at."""
    stem: int = Field(default=32, ge=1, le=4096)
    """Channels after the first convolution."""
    blocks: tuple[BottleneckShape, ...] = Field(default=_LITE0, min_length=1)
    features: int = Field(default=1280, ge=1, le=4096)
    """Channels that classes are told by."""
    embedding: int = Field(default=192, ge=1, le=4096)
    """Values of the embedding."""
    classes: int = Field(default=1000, ge=1, le=65_536)

    @model_validator(mode="after")
    def _blocks_fit(self) -> LabelsConfig:
        given = [self.stem, *(block.channels_out for block in self.blocks[:-1])]
        for before, block in zip(given, self.blocks, strict=True):
            if before != block.channels_in:
                raise ValueError(
                    f"expected a block that takes {before} channels, got one of {block.channels_in}"
                )
        return self
