"""`tenfold bench serve`: what a server of an archive answers, how quickly, and for how much CPU."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from typing import Annotated, Final

import typer

from jobs.bench.machine import circumstances, machine
from jobs.bench.serve_cases import TIMES_TOO_MANY, Asked, Cases, Overload, images_of, warm_up
from jobs.options import ArchiveUrl, AsJson
from jobs.terminal.exit_codes import clear_errors
from jobs.terminal.output import print_json, say
from pipeline.bench.http_clients import Clients
from pipeline.bench.server_process import ServerProcess, serving
from pipeline.errors import ConfigError

_MEBIBYTE: Final = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class _Measured:
    """All that was asked, and the memory that it took."""

    images: int
    mean_megapixels: float
    asked: list[Asked]
    overload: Overload
    http_bytes: int
    """Of the process that speaks HTTP, with its part of what it shares."""
    decoder_bytes: int
    """Of the largest process that decodes."""


def serve(
    archive: ArchiveUrl,
    *,
    count: Annotated[int, typer.Option(min=1, max=500, help="Images to ask for: the first coded ones.")] = 24,
    decoders: Annotated[int, typer.Option(min=1, help="Processes that decode.")] = 1,
    seconds: Annotated[float, typer.Option(min=1, help="Of being asked for ten times too much.")] = 10,
    as_json: AsJson = False,
) -> None:
    """How quickly `tenfold serve ARCHIVE` answers, and for how much CPU: one request after the other, then ten times
    more than it can make.

    The server runs on this machine in processes of its own, begun anew for each kind of picture, so that none is made
    that was made before.
    """
    with clear_errors():
        measured = asyncio.run(_measure(archive, count=count, decoders=decoders, seconds=seconds))
        if as_json:
            print_json({**asdict(measured), "decoders": decoders, "about": circumstances()})
        else:
            print("\n".join(_lines(measured)))
            print(f"{decoders} decoders; {machine()}")


async def _measure(archive: str, *, count: int, decoders: int, seconds: float) -> _Measured:
    async with _begun(archive, count=count, decoders=decoders) as (_, cases):
        asked = [await cases.thumbnails()]
        say("Thumbnails are made.")
    async with _begun(archive, count=count, decoders=decoders) as (server, cases):
        wholes = await cases.wholes()
        asked += [wholes, await cases.again(), await cases.tiles()]
        say("Images and tiles are made.")
        decoder_bytes, http_bytes = server.decoder_bytes(), server.http_bytes()
    async with _begun(archive, count=count, decoders=decoders) as (_, cases):
        asked += [one for one in [await cases.previews()] if one is not None]
        asked += [await cases.pages(), await cases.facts(), await cases.unknown(), await cases.health()]
        say(f"For {seconds:g} seconds it is asked for {TIMES_TOO_MANY} times what it can make.")
        overload = await cases.overload(1e3 * decoders / wholes.p50_ms, seconds=seconds)
    return _Measured(
        images=len(cases.images),
        mean_megapixels=sum(one.width * one.height for one in cases.images) / 1e6 / len(cases.images),
        asked=asked,
        overload=overload,
        http_bytes=http_bytes,
        decoder_bytes=decoder_bytes,
    )


@asynccontextmanager
async def _begun(archive: str, *, count: int, decoders: int) -> AsyncIterator[tuple[ServerProcess, Cases]]:
    """A server that has its weights loaded and none of its pictures made, and what to ask of it.

    Raises:
        ConfigError: the archive has no coded image.
    """
    with serving(archive, ["--decoders", str(decoders)]) as server:
        async with Clients(server.address) as clients:
            images = await images_of(clients, count=count + 1)
            if not images:
                raise ConfigError(
                    "Expected coded images to ask for, got an archive without any; choose another one."
                )
            await warm_up(clients, images.pop() if len(images) > 1 else images[0])
            yield server, Cases(server, clients, images)


def _lines(measured: _Measured) -> Iterator[str]:
    yield f"{'':<30} answers    p50 ms    p99 ms    CPU ms     bytes"
    for one in measured.asked:
        yield (
            f"{one.what:<30} {one.answers:>7} {one.p50_ms:>9.2f} {one.p99_ms:>9.2f} {one.cpu_ms:>9.2f} "
            f"{one.mean_bytes:>9,.0f}{_unusual(one.statuses)}"
        )
    yield f"{measured.images} images of {measured.mean_megapixels:.2f} megapixels"
    yield (
        f"memory: {measured.http_bytes / _MEBIBYTE:.0f} MiB where HTTP is spoken, "
        f"{measured.decoder_bytes / _MEBIBYTE:.0f} MiB where images are decoded"
    )
    yield from _overloaded(measured.overload)


def _unusual(statuses: dict[str, int]) -> str:
    return "" if set(statuses) == {"200"} else f"  {_counts(statuses)}"


def _overloaded(overload: Overload) -> Iterator[str]:
    refused = "none"
    if overload.refused_p50_ms is not None and overload.refused_p99_ms is not None:
        refused = f"within {overload.refused_p50_ms:.0f} ms (p50), {overload.refused_p99_ms:.0f} ms (p99)"
    grown = (overload.http_bytes_after - overload.http_bytes_before) / _MEBIBYTE
    yield (
        f"asked for {overload.asked_per_second:.1f} a second: {overload.made_per_second:.1f} made, "
        f"{_counts(overload.statuses)}, refused {refused}; /healthz {overload.health_p99_ms:.0f} ms (p99); "
        f"memory {grown:+.0f} MiB"
    )


def _counts(statuses: dict[str, int]) -> str:
    return ", ".join(f"{count} x {status}" for status, count in statuses.items())
