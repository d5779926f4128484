"""The server on Ray Serve: what clients see of it, and what it does when those who decode are gone."""

from __future__ import annotations

import asyncio
import importlib.util
import io
from collections.abc import Iterator, Sequence
from http.client import HTTPConnection, HTTPResponse
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import PIL.Image
import pytest

from pipeline.errors import ConfigError
from pipeline.serve.decoding.contract import DecoderDiedError, Made, OverloadedError
from pipeline.serve.limits import Limits
from pipeline.serve.view import View
from pipeline.types import CatalogueRow
from tests.support.image_archives import fill, kept
from tests.support.image_files import file_of, picture
from tests.support.ray_server import serving_on_ray

pytestmark = [
    pytest.mark.ray,
    pytest.mark.skipif(
        importlib.util.find_spec("fastapi") is None, reason="Ray Serve comes with the extra serve-cluster"
    ),
    pytest.mark.filterwarnings("ignore:Using extra keyword arguments on `Field`"),  # Ray's own
]
KEY = "holiday/beach 1.png"
MOUNTED = "/pictures"


@pytest.fixture(scope="module")
def port(ray_cluster: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Where an archive of one image is served."""
    image = file_of(picture(size=(48, 32)))
    archive = fill(str(tmp_path_factory.mktemp("archive")), [kept(KEY, image)])
    with serving_on_ray(archive, route_prefix=MOUNTED) as address:
        number = urlsplit(address).port
        assert number is not None
        yield number


def ask(port: int, path: str, method: str = "GET", **headers: str) -> tuple[HTTPResponse, bytes]:
    connection = HTTPConnection("127.0.0.1", port, timeout=120)
    try:
        connection.request(
            method, MOUNTED + path, headers={k.replace("_", "-"): v for k, v in headers.items()}
        )
        response = connection.getresponse()
        return response, response.read()
    finally:
        connection.close()


def pixels_of(data: bytes) -> np.ndarray[Any, Any]:
    with PIL.Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB"))


def test_clients_are_answered_as_by_tenfold_serve(port: int) -> None:
    whole = np.asarray(picture(size=(48, 32)))
    for key in ("holiday%2Fbeach%201.png", "holiday/beach%201.png"):
        response, data = ask(port, f"/iiif/3/{key}/16,8,16,16/max/0/default.png")
        assert response.status == 200
        np.testing.assert_array_equal(pixels_of(data), whole[8:24, 16:32])
    etag = response.headers["ETag"]
    response, data = ask(port, f"/iiif/3/{key}/16,8,16,16/max/0/default.png", "HEAD")
    assert (response.status, data, response.headers["ETag"]) == (200, b"", etag)
    response, data = ask(port, f"/iiif/3/{key}/16,8,16,16/max/0/default.png", If_None_Match=etag)
    assert (response.status, data) == (304, b"")
    response, data = ask(port, f"/iiif/3/{key}/info.json")
    assert f"127.0.0.1:{port}{MOUNTED}/iiif/3/holiday%2Fbeach%201.png".encode() in data
    response, data = ask(port, "/raw/holiday%2Fbeach%201.png", Range="bytes=1-3")
    assert (response.status, data) == (206, b"PNG")
    assert ask(port, "/image/nothing")[0].status == 404
    assert ask(port, "/image/nothing", "POST")[0].status == 405
    assert ask(port, "/readyz")[0].status == 200


def test_a_decoder_that_is_gone_is_replaced_while_its_client_waits(port: int) -> None:
    import ray

    (name,) = [
        named["name"]
        for named in ray.util.list_named_actors(all_namespaces=True)
        if "SERVE_REPLICA" in named["name"] and "decoders" in named["name"]
    ]
    ray.kill(ray.get_actor(name, namespace="serve"))
    response, data = ask(port, "/iiif/3/holiday%2Fbeach%201.png/full/9,/0/default.png")
    assert response.status == 200
    assert pixels_of(data).shape == (6, 9, 3)


class Replicas:
    """A handle that answers at once, or never."""

    def __init__(self, answers: Sequence[Any]) -> None:
        self._answers = list(answers)
        self.images: list[str] = []
        self.cancelled = 0
        self.make = self

    def options(self, *, session_id: str) -> Replicas:
        self.images.append(session_id)
        return self

    def remote(self, *_: object, **__: object) -> Replicas:
        return self

    def cancel(self) -> None:
        self.cancelled += 1

    def __await__(self) -> Any:
        answer = self._answers.pop(0)
        if answer == "never":
            yield from asyncio.sleep(3600).__await__()
        if isinstance(answer, Raised):
            raise answer.error
        return answer


class Raised:
    """What the handle itself raises."""

    def __init__(self, error: Exception) -> None:
        self.error = error


def test_what_a_cluster_says_is_what_decoders_say() -> None:
    from ray.exceptions import RayActorError
    from ray.serve.exceptions import BackPressureError

    from pipeline.serve_cluster.remote_decoders import RemoteDecoders

    row = CatalogueRow.__new__(CatalogueRow)
    for name, value in (("shard", "shards/1"), ("row", 7), ("status", "coded")):
        object.__setattr__(row, name, value)
    view = View(region=(0, 0, 8, 8), width=8, height=8)
    made = Made(data=b"file")
    refusals: list[tuple[Any, type[Exception], str]] = [
        (OverloadedError(3.0), OverloadedError, "^3.0$"),
        (Raised(BackPressureError(num_queued_requests=9, max_queued_requests=9)), OverloadedError, "^5.0$"),
        (Raised(RayActorError()), DecoderDiedError, "^$"),
        ("never", OverloadedError, "^5.0$"),
    ]
    replicas = Replicas([made, *(answer for answer, _, _ in refusals)])
    decoders = RemoteDecoders(replicas, Limits(deadline_s=0.01))

    async def one_by_one() -> None:
        assert await decoders.make(row, view) is made
        for _, error, words in refusals:
            with pytest.raises(error, match=words):
                await decoders.make(row, view)

    asyncio.run(one_by_one())
    assert replicas.images == ["shards/1#7"] * (1 + len(refusals))
    assert replicas.cancelled == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({}, "archive: Field required"),
        ({"archive": "a", "decoders": 3}, "decoders: Extra inputs"),
        ({"archive": "a", "max_decoders": 2, "min_decoders": 3}, "0 <= min_decoders <= max_decoders"),
    ],
)
def test_wrong_arguments_are_named(arguments: dict[str, Any], words: str) -> None:
    from tenfold.serve_app import app

    with pytest.raises(ConfigError, match=words):
        app(arguments)
