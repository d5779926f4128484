"""`tenfold serve ARCHIVE`: an archive over HTTP."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final
from urllib.parse import urlsplit

import typer

from codec.cpus import usable_cpus
from jobs.options import ArchiveUrl, AsOfVersion, ConfigFile, read_config
from jobs.terminal.exit_codes import clear_errors
from jobs.terminal.output import readable, say
from pipeline.errors import ConfigError
from pipeline.store.storage import Storage
from pipeline.words import counted

if TYPE_CHECKING:
    from pipeline.serve.site import Site

_OF_THE_EXTRA: Final = ("cachetools", "starlette", "uvicorn")
_HERE_ALONE: Final = frozenset({"127.0.0.1", "::1", "localhost"})


def serve(
    archive: ArchiveUrl,
    *,
    host: Annotated[
        str,
        typer.Option(
            metavar="ADDRESS", help="Where to listen. Default: for this machine alone; 0.0.0.0 is everywhere."
        ),
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any that is free.")] = 8080,
    token_file: Annotated[
        Path | None,
        typer.Option(
            "--token-file",
            metavar="FILE",
            help="Let in only who sends `Authorization: Bearer` and what is in FILE, or in TENFOLD_TOKEN.",
        ),
    ] = None,
    public_url: Annotated[
        str | None,
        typer.Option(
            "--public-url",
            metavar="URL",
            help="Where clients reach it, when a proxy stands before it and changes host or path.",
        ),
    ] = None,
    decoders: Annotated[
        int | None,
        typer.Option(
            min=1, help="Processes that decode, of some 600 MB each. Default: one a core; one for a GPU."
        ),
    ] = None,
    device: Annotated[str, typer.Option(metavar="NAME", help="cpu, cuda or cuda:n.")] = "cpu",
    max_megapixels: Annotated[
        float,
        typer.Option(
            "--max-megapixels", min=0.01, help="Larger images are served as they are stored, and not shown."
        ),
    ] = 100.0,
    deadline: Annotated[
        float,
        typer.Option(
            metavar="SECONDS",
            min=0.1,
            help="That a request waits for a decoder, and that decoding takes then.",
        ),
    ] = 30.0,
    cache: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Keep files that were made in a folder of its own, which outlives the server and is safe to delete. "
            "Without it the last ones stay in memory.",
        ),
    ] = None,
    cache_gb: Annotated[float, typer.Option("--cache-gb", min=0.01, help="Of that folder.")] = 10.0,
    as_of: AsOfVersion = None,
    config: ConfigFile = None,
) -> None:
    """Serve ARCHIVE over HTTP: for browsers, IIIF viewers and programs.

    Prints the address and goes on until Ctrl-C or SIGTERM. What is committed to ARCHIVE meanwhile is served within half
    a minute. Needs the extra `serve`: pip install 'tenfold[serve]'.

    The address is a page of all images, for a browser. /image/KEY is an image as a file that the client can show, with
    ?w=WIDTH a smaller one; /iiif/3/KEY/info.json and /manifest/KEY are for IIIF viewers; /raw/KEY gives the bytes that
    are stored, in ranges; /healthz, /readyz and /metrics are for whoever watches it. docs/guide/serve.md says more,
    and shows a proxy before it.

    Examples:

      tenfold serve archive/

      tenfold serve s3://bucket/archive --host 0.0.0.0 --token-file /run/secrets/token
    """
    with clear_errors(stopped="Stopped before it was ready."):
        storage = Storage(archive, read_config(config).storage)
        try:
            from pipeline.serve.app import make_app  # what only this verb needs, and an install may lack
            from pipeline.serve.decoding.local_decoders import LocalDecoders
            from pipeline.serve.limits import Limits
            from pipeline.serve.open_site import open_site
            from pipeline.serve.run import run_server
            from pipeline.serve.token import read_token
        except ModuleNotFoundError as error:
            if error.name not in _OF_THE_EXTRA:
                raise
            raise ConfigError(
                f"Expected {error.name}, which serving needs, got none. `pip install 'tenfold[serve]'` brings it."
            ) from error
        token = read_token(token_file)
        limits = Limits(
            decoders=decoders or (usable_cpus() if device == "cpu" else 1),
            max_pixels=round(max_megapixels * 1e6),
            deadline_s=deadline,
            disk_bytes=round(cache_gb * 1e9),
        )
        site = open_site(
            storage,
            limits,
            LocalDecoders.of(storage, limits, device=device),
            as_of=as_of,
            cache=cache,
            public_url=public_url.rstrip("/") if public_url else None,
            hosts=_hosts(host, public_url),
            token=token,
        )
        if token is None and host not in _HERE_ALONE:
            say(
                f"Whoever reaches {host} sees every image: --token-file, or a proxy, lets in only some.",
                level="warning",
            )
        run_server(make_app(site), host=host, port=port, began=partial(_tell, site))
        say("Stopped.")


def _hosts(host: str, public_url: str | None) -> frozenset[str] | None:
    """Where only this machine can ask, it must do so by a name that is its own: a page of another site, whose name was
    made to lead here, is refused."""
    if host not in _HERE_ALONE:
        return None
    return _HERE_ALONE | ({urlsplit(public_url).hostname or ""} if public_url else set())


def _tell(site: Site, address: str) -> None:
    now = site.index.now
    decoders = counted(site.limits.decoders, "decoder")
    say(
        f"Serving {readable(site.archive.url)}, version {now.version}: {counted(now.images, 'image')}, {decoders}. "
        "Ctrl-C stops."
    )
    print(site.public_url or address, flush=True)
