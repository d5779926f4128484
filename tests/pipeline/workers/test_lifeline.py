"""Addresses and processes of Ray that do not answer, without any Ray."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing

import pytest

from pipeline.errors import ConfigError, TenfoldError
from pipeline.workers import lifeline, ray_address
from pipeline.workers.lifeline import Lifeline, RayProcess


@pytest.fixture
def mute() -> Iterator[int]:
    """A port that takes connections and says nothing."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        yield server.getsockname()[1]


@pytest.fixture
def closed() -> int:
    """A port where nothing listens."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        return int(server.getsockname()[1])


def test_an_address_that_does_not_answer(mute: int, closed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_address, "_ANSWER_TIMEOUT_S", 0.2)
    for address, message in (
        (f"127.0.0.1:{mute}", "got: no answer within 0.2 s"),
        (f"localhost:{closed}", "refused"),
        ("nonsense", "Check --ray-address and RAY_ADDRESS"),
        ("10.0.0.1", "Check --ray-address and RAY_ADDRESS"),
        ("http://127.0.0.1:8265", "Check --ray-address and RAY_ADDRESS"),
        ("ray://127.0.0.1:10001", "tenfold submit"),
    ):
        with pytest.raises(ConfigError, match=message):
            ray_address.check_address(address)


def test_a_process_that_is_gone_is_told_from_one_that_may_come_back(
    closed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lifeline, "_ASK_EVERY_S", 0.0)
    gone = RayProcess(name="raylet", host="127.0.0.1", port=closed, comes_back=False)
    line = Lifeline([gone])
    line.check()
    line.check()
    with pytest.raises(TenfoldError, match=r"Expected raylet at .* to answer, got nothing"):
        line.check()
    assert line.is_cut
    head = RayProcess(name="head", host="127.0.0.1", port=closed, comes_back=True)
    patient = Lifeline([head], patience_s=1e6)
    for _ in range(9):
        patient.check()
    with pytest.raises(TenfoldError, match="Expected head at"):
        Lifeline([head], patience_s=0.0).check()


def test_silence_is_waited_out_for_a_while(mute: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifeline, "_ANSWER_TIMEOUT_S", 0.05)
    silent = RayProcess(name="raylet", host="127.0.0.1", port=mute, comes_back=False)
    Lifeline([silent]).check_now()
    with pytest.raises(TenfoldError, match="timed out"):
        Lifeline([silent], patience_s=0.01).check_now()
