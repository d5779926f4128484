"""An archive served by a thread of this process; in place of decoders somebody paints, and nothing is decoded."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import PIL.Image
import pytest
import uvicorn

from pipeline.image.preview import thumbhash_of
from pipeline.metrics.serving import ServingMetrics
from pipeline.serve import served_index
from pipeline.serve.app import make_app
from pipeline.serve.catalogue_process import version_of
from pipeline.serve.decoding.contract import Decoders, Made, NotMade
from pipeline.serve.limits import Limits
from pipeline.serve.open_site import open_site
from pipeline.serve.site import Site
from pipeline.serve.view import View
from pipeline.store.storage import Storage
from pipeline.types import CatalogueRow, ShardRow
from tests.support.shard_rows import kept_row, make_row

HOSTILE = "z/<img src=x onerror=alert(1)>\"'&?#%2F..png"
COLOURS = ("#c0392b", "#e67e22", "#f1c40f", "#27ae60", "#16a085", "#2980b9", "#8e44ad", "#7f8c8d")


class Painter:
    """Decoders that paint."""

    is_ready = True

    async def make(self, row: CatalogueRow, view: View | None, *, alone: bool = False) -> Made | NotMade:
        """A picture of the size that is asked for, of a colour of the image's own."""
        if row.reason == "no picture":
            return NotMade(fault="no picture", words="Expected a picture, got none.")
        assert view is not None
        return Made(data=painted(row.key, view.width, view.height, "WEBP"))

    def report_to(self, metrics: ServingMetrics) -> None:
        """Nothing to tell."""

    async def start(self) -> None:
        """Nothing to start."""

    async def close(self) -> None:
        """Nothing to end."""


def painted(key: str, width: int, height: int, fmt: str) -> bytes:
    """A file of one colour."""
    file = io.BytesIO()
    _picture(key, width, height).save(file, fmt)
    return file.getvalue()


def painted_row(number: int) -> ShardRow:
    """A coded image with a preview, of which nothing can be decoded."""
    width, height = ((900, 600), (600, 900), (1200, 500), (800, 800))[number % 4]
    key = f"{'ab'[number % 2]}/{number:04d}.png"
    return make_row(
        key,
        b"x" * (1000 + number),
        width=width,
        height=height,
        psnr_db=28 + number % 97 / 8,
        thumbhash=thumbhash_of(_picture(key, 24, 16)),
        preview=painted(key, 96, 64, "WEBP"),
    )


def odd_rows() -> list[ShardRow]:
    """One that failed, one without a picture, one without a preview and with a name that bites."""
    nothing = dict.fromkeys(("width", "height", "mode", "bit_depth", "psnr_db"))
    return [
        make_row("y/gone.png", None, reason="no such file: <b>y</b>", **nothing),
        kept_row("y/table.csv", reason="no picture", width=None, height=None, psnr_db=None),
        make_row(HOSTILE, b"x" * 99, width=640, height=480, psnr_db=20.0),
    ]


def _picture(key: str, width: int, height: int) -> PIL.Image.Image:
    return PIL.Image.new("RGB", (width, height), COLOURS[sum(key.encode()) % len(COLOURS)])


def opened_here(archive: Storage, decoders: Decoders) -> Site:
    """An archive to be served, whose catalogue this process reads: another one would need a second to begin."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(served_index, "read_version", version_of)
        return open_site(archive, Limits(), decoders)


@contextmanager
def painted_site(archive: Path, port: int = 0) -> Iterator[str]:
    """Its address."""
    app = make_app(opened_here(Storage(str(archive)), Painter()))
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="warning", lifespan="on"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.01)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(30)
