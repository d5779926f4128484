"""What a `standard-1` model consists of. No torch here."""

from __future__ import annotations

from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field

FileKind = Literal["jpeg", "webp", "avif"]

BLOCK: Final = 8
"""Side of a JPEG block in pixels of the file."""


class PictureConfig(BaseModel):
    """The shape of a network that sees pixels: ComCNN and RecCNN."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    width: int = Field(default=32, ge=4, le=4096)
    """Channels between its layers."""
    pairs: int = Field(default=3, ge=0, le=12)
    """Of 3x3 layers, each pair around a residual connection."""


class EditorConfig(BaseModel):
    """The shape of the network that sees coefficients of JPEG blocks."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    width: int = Field(default=96, ge=8, le=4096, multiple_of=8)
    blocks: int = Field(default=3, ge=1, le=12)
    """Each sees one JPEG block further."""


class ModelConfig(BaseModel):
    """Which networks there are, and the file between them. Without any it is what a model is measured against."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    shrink: Literal[1, 2] = 2
    """Pixels of the image, each way, to one of the file's picture."""
    file: FileKind = "jpeg"
    comcnn: PictureConfig | None = None
    """Makes the file's picture of the image. None: the image, shrunk."""
    editor: EditorConfig | None = None
    """Then changes what the file would spend bits on in vain."""
    reccnn: PictureConfig | None = None
    """Makes the image of what the file shows. None: that, enlarged."""
