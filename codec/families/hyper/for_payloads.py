"""What weights files have in common that are no codec's, but are for the payloads of one: decoders, heads, encoders."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class ForPayloadsConfig(BaseModel):
    """What such a file says, beside its role and what it holds."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_by_name=True, serialize_by_alias=True)

    family: Literal["hyper-1"] = "hyper-1"
    payloads_of: str = Field(validation_alias="for", serialization_alias="for", pattern="[0-9a-f]{16}")
    """Digest of the weights whose payloads it is for, hexadecimal."""
    name: str
    """For people: `realistic-small`, `labels`, `quick`."""
    recipe: dict[str, object] = {}
    """Where it came from."""

    @property
    def codec_digest(self) -> bytes:
        """Digest of the weights whose payloads it is for."""
        return bytes.fromhex(self.payloads_of)
