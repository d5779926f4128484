"""How to reach a store: endpoint, region, profile. No secret is kept here."""

from __future__ import annotations

import os
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from pipeline.store.failures import problem
from pipeline.store.urls import check_endpoint


class StorageOptions(BaseModel):
    """How to reach a store. No secret in it: those come from the AWS variables, a profile or a role."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    endpoint_url: str | None = None
    """Default: AWS_ENDPOINT_URL_S3, then AWS_ENDPOINT_URL, then the profile, then AWS."""
    region: str | None = None
    """Default: AWS_REGION, then AWS_DEFAULT_REGION, then the profile."""
    addressing_style: Literal["auto", "path", "virtual"] = "auto"
    """Default: AWS_S3_ADDRESSING_STYLE; auto means path for a named endpoint and virtual for AWS."""
    profile: str | None = None
    """Default: AWS_PROFILE."""
    anonymous: bool = False
    """Read public buckets without credentials."""
    checksum_mode: Literal["when_supported", "when_required"] = "when_required"
    """Some S3 clones refuse the checksums that newer clients add unasked."""
    retries: int = Field(default=5, ge=1)
    """Attempts per request, the first included."""

    def resolved(self) -> StorageOptions:
        """Fill in what the environment says, so that a worker on another machine reaches the same store.

        Raises:
            StorageError: the environment holds an unknown style or an endpoint with credentials in it.
        """
        env = os.environ
        endpoint = self.endpoint_url or env.get("AWS_ENDPOINT_URL_S3") or env.get("AWS_ENDPOINT_URL") or None
        style = self.addressing_style
        if style == "auto":
            named = env.get("AWS_S3_ADDRESSING_STYLE", "auto") or "auto"
            if named not in ("auto", "path", "virtual"):
                raise problem(
                    expected="auto, path or virtual",
                    got=repr(named),
                    where="AWS_S3_ADDRESSING_STYLE",
                    do="correct or unset it",
                )
            style = "path" if named == "path" else "virtual" if named == "virtual" else "auto"
        if endpoint:
            check_endpoint(endpoint)
        region = self.region or env.get("AWS_REGION") or env.get("AWS_DEFAULT_REGION") or None
        return self.model_copy(update={"endpoint_url": endpoint, "region": region, "addressing_style": style})
