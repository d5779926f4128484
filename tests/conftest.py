"""Fixtures that all tests share: a clean environment, the shipped photos, an S3 server."""

from __future__ import annotations

import gc
import logging
import os
import signal
import sys
from collections.abc import Generator, Iterator
from pathlib import Path

import hypothesis
import PIL.Image
import pytest
from xdist.remote import Producer

import pipeline.archive.trial
from tests.support.installed import Installed, install
from tests.support.reader_forks import ReaderForks
from tests.support.seaweed import S3Server, run_server
from tests.support.side_by_side import OneRayAtATime, uses_ray

# Whatever the environment says: without bytecode each of hundreds of processes would compile everything anew.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# Read when torch and Ray are first imported. One thread: small tensors, small machines, several processes.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
os.environ["RAY_enable_open_telemetry"] = "0"  # noqa: SIM112 Ray's own spelling
os.environ["RAY_prestart_worker_first_driver"] = "0"  # noqa: SIM112 our actors have an environment of their own
# Ray starts its workers at niceness 15: beside other tests they would get a thirtieth of a core
os.environ["RAY_worker_niceness"] = "0"  # noqa: SIM112

# In the background of a script, or under nohup, these are ignored, and processes that tests start would not hear them.
for ignored in (signal.SIGINT, signal.SIGHUP):
    if signal.getsignal(ignored) is signal.SIG_IGN:
        signal.signal(ignored, signal.default_int_handler if ignored is signal.SIGINT else signal.SIG_DFL)

# How long an example takes says how busy the machine is, and nothing about the code.
hypothesis.settings.register_profile(
    "steady", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("steady")

PHOTOS = Path(__file__).parent / "photos"


def pytest_configure(config: pytest.Config) -> None:
    """On a GPU machine this process keeps its GPU, for tests marked `gpu`; what tests start has none, so that they may
    count on a worker per core."""
    if config.option.dist != "no":
        return  # the processes that `-n` starts run the tests, and each looks for the GPU itself
    import torch

    if torch.cuda.is_available():
        torch.ones(1, device="cuda")
        torch.cuda.device_count()  # is remembered from now on
    os.environ["CUDA_VISIBLE_DEVICES"] = ""


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None]:
    """Thousands of tests are no garbage, now or later: looking at them again and again takes seconds."""
    gc.disable()
    yield
    gc.freeze()
    gc.enable()


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> OneRayAtATime:
    """How `-n` shares the tests out."""
    return OneRayAtATime(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that use the S3 server are marked `s3`, so that `-m "not s3"` runs without it; likewise `ray`.

    Those with a Ray come first: they take longest, and the others find room beside them.
    """
    for item in items:
        fixtures = set(getattr(item, "fixturenames", ()))
        if {"s3", "s3_env"} & fixtures:
            item.add_marker(pytest.mark.s3)
        if "ray_cluster" in fixtures:
            item.add_marker(pytest.mark.ray)
        name = item.name.partition("[")[0]
        if item.get_closest_marker("ray") and not uses_ray(item.path, name):
            raise pytest.UsageError(
                f"Expected the mark `ray` of {name} to stand in {item.path}, got it from elsewhere."
            )
    items.sort(key=lambda item: item.get_closest_marker("ray") is None)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Generator[None]:
    """A test that takes too long says so: Cython makes a SystemError of what a handler of signals raises in it."""
    try:
        yield
    except SystemError as error:
        if isinstance(error.__cause__, pytest.fail.Exception):
            raise error.__cause__ from None
        raise


@pytest.fixture(scope="session", autouse=True)
def _no_cloud_account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Hide the AWS account of whoever runs the tests."""
    nowhere = tmp_path_factory.mktemp("aws")
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith("AWS_"):
                patch.delenv(name)
        patch.setenv("NO_PROXY", "127.0.0.1,localhost")  # the test server is here, whatever proxy is set
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        patch.setenv("AWS_CONFIG_FILE", str(nowhere / "config"))
        patch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(nowhere / "credentials"))
        yield


@pytest.fixture(scope="session", autouse=True)
def _caches_are_temporary(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session", autouse=True)
def _no_disk_is_waited_for() -> Iterator[None]:
    """What tests write need not outlive a power failure."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: None)
        yield


@pytest.fixture(scope="session", autouse=True)
def _readers_are_forked() -> Iterator[None]:
    """A reader on trial has a process of its own here too, but not one that first imports Arrow and deltalake."""
    forks = ReaderForks()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pipeline.archive.trial, "ended_reader", forks)
        yield
    forks.close()


@pytest.fixture(scope="session", autouse=True)
def _codecs_are_loaded_once() -> Iterator[None]:
    """Loading one takes longer than what most tests have done with it."""
    from tests.support.loaded_once import (  # torch: seconds, and after the variables above
        LOADERS,
        loaded_once,
    )

    with pytest.MonkeyPatch.context() as patch:
        for module in LOADERS:
            patch.setattr(f"{module}.load_codec", loaded_once)
        yield


@pytest.fixture(scope="session")
def s3(_no_cloud_account: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """A real S3 server on loopback, started once."""
    with run_server(tmp_path_factory.mktemp("seaweed")) as server:
        yield server


@pytest.fixture
def s3_env(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> S3Server:
    """The S3 server, with the AWS variables of this test pointing at it."""
    for name, value in s3.environment().items():
        monkeypatch.setenv(name, value)
    return s3


@pytest.fixture(scope="session")
def ray_cluster(_no_cloud_account: None) -> Iterator[None]:
    """One Ray on this machine, started once; a test that needs another one runs it in a process of its own."""
    import ray

    ray.init(
        address="local",
        num_cpus=max(2, os.cpu_count() or 1),
        num_gpus=0,
        include_dashboard=False,
        object_store_memory=128 * 2**20,
        logging_level=logging.ERROR,
        log_to_driver=False,
    )
    yield
    ray.shutdown()


@pytest.fixture(scope="session")
def photos() -> Path:
    """The folder of photos that ship with the project."""
    assert any(PHOTOS.glob("*.png")), f"no photos in {PHOTOS}"
    return PHOTOS


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Tenfold's wheel in a virtualenv of its own, built once."""
    return install(tmp_path_factory.mktemp("installed"))


@pytest.fixture(scope="session")
def small_photos(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A part of each photo, under the same names: for tests that need photographs, but not every pixel of them."""
    folder = tmp_path_factory.mktemp("small_photos")
    for path in photos.glob("*.png"):
        with PIL.Image.open(path) as photo:
            photo.crop((200, 100, 456, 292)).save(folder / path.name)
    return folder
