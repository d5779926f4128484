"""The server on a Ray cluster: `serve run tenfold.serve_app:app archive=URL`, or from a Serve config file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from jobs.options import read_config
from pipeline.archive.versions import parse_as_of
from pipeline.errors import ConfigError
from pipeline.store.storage import Storage

if TYPE_CHECKING:
    from ray.serve import Application


class ServeArguments(BaseModel):
    """What `serve run` or a Serve config's `args` say. The defaults are those of `tenfold serve`."""

    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True)

    archive: str
    """A URL, or a path that every node sees."""
    as_of: str | None = None
    """Serve this version alone: its number or a time."""
    public_url: str | None = None
    """Where clients reach it, when a proxy stands before it and changes host or path."""
    token_file: Path | None = None
    """On each node: holds the token that clients must show. Default: TENFOLD_TOKEN of the node's environment."""
    max_megapixels: float = Field(default=100.0, ge=0.01)
    """Larger images are served as they are stored, and not shown."""
    deadline: float = Field(default=30.0, ge=0.1)
    """Seconds that a request waits for a decoder, and that decoding takes then."""
    cache: Path | None = None
    """A folder of each node, in which files that were made are kept."""
    cache_gb: float = Field(default=10.0, ge=0.01)
    """Of that folder."""
    config: Path | None = None
    """A YAML file whose `storage` says how ARCHIVE is reached; read where the application is built."""
    web: int = 1
    """Replicas that answer HTTP."""
    min_decoders: int = 1
    """Replicas that decode, at least. 0: all go when nobody asks, and the first request waits for one to start."""
    max_decoders: int = 1
    """At most: Ray adds some while requests wait."""
    decoder_cpus: float = 1.0
    """Of each replica that decodes: one process for each CPU."""
    decoder_gpus: float = 0.0
    """Of each replica that decodes, 0.25 for example; above 0 it decodes on the GPU."""


def app(arguments: Mapping[str, Any]) -> Application:
    """Build the application.

    Raises:
        ConfigError: an argument is unknown, missing or wrong; or no Ray Serve is installed.
    """
    try:
        checked = ServeArguments.model_validate(arguments)
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        raise ConfigError(
            f"Expected archive=URL and perhaps others of {', '.join(ServeArguments.model_fields)}, got: {wrong}."
        ) from error
    try:
        from pipeline.serve.limits import Limits  # an install may lack the extra
        from pipeline.serve_cluster.application import Replicas, make_application
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"Expected {error.name}, which serving on a cluster needs, got none. "
            "`pip install 'tenfold[serve-cluster]'` brings it."
        ) from error
    return make_application(
        Storage(checked.archive, read_config(checked.config).storage),
        Limits(
            max_pixels=round(checked.max_megapixels * 1e6),
            deadline_s=checked.deadline,
            disk_bytes=round(checked.cache_gb * 1e9),
        ),
        Replicas(
            web=checked.web,
            fewest=checked.min_decoders,
            most=checked.max_decoders,
            cpus=checked.decoder_cpus,
            gpus=checked.decoder_gpus,
        ),
        as_of=parse_as_of(checked.as_of) if checked.as_of else None,
        cache=checked.cache,
        public_url=checked.public_url.rstrip("/") if checked.public_url else None,
        token_file=checked.token_file,
    )
