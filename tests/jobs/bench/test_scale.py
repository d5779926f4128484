"""`tenfold bench scale`: its cases do what they say, and its tables show what they cost."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from jobs.bench import scale_cases, scale_run
from jobs.bench.scale_cases import CASES, Case, ScaledArchive, chosen_cases
from pipeline.bench.counting_proxy import CountingProxy
from pipeline.bench.metered import Meter, WorkCost
from pipeline.bench.photographs import Photographs
from tests.support.road import tenfold

ROWS = 200


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> ScaledArchive:
    """An archive that all cases share, in their order, as in a measuring."""
    folder = tmp_path_factory.mktemp("scale")
    Photographs(ROWS).make(folder / "source")
    return ScaledArchive(archive=f"{folder}/archive", source=f"{folder}/source", rows=ROWS, has_etags=False)


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_every_case_runs(
    case: Case, place: ScaledArchive, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scale_cases, "WARM_S", 0.1)
    meter = Meter()
    case.work(place, meter)
    assert meter.cost is not None
    assert meter.cost.cpu_s >= 0
    said = capsys.readouterr().out
    if case.name == "ls":
        assert len(said.splitlines()) >= ROWS
    if case.name == "small-images":
        assert meter.notes["shard B"] > meter.notes["payload B"] > 0


def test_cases_that_need_others_bring_them() -> None:
    assert [case.name for case in chosen_cases(["find-after"])] == ["write", "change-spread", "find-after"]


def test_from_the_command_to_the_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scale_run, "measure", _measured_here)
    words = ("bench", "scale", "--rows", "100,1e3", "--only", "history")
    ran = tenfold(*words, "--out", tmp_path / "out")
    assert ran.code == 0, ran.err
    assert "| history --limit 10 |" in ran.out
    assert "history --limit 10, 1,000 rows: " in ran.err
    found = json.loads((tmp_path / "out/scale.json").read_text())
    assert list(found["cases"]) == ["write", "history"]
    assert found["cases"]["write"]["points"]["1000"]["written_bytes"] > 100_000
    assert (tmp_path / "out/scale.png").stat().st_size
    assert " -> " in tenfold(*words, "--against", tmp_path / "out/scale.json").out


def _measured_here(work: Callable[[Meter], None], *, proxy: CountingProxy | None) -> WorkCost:
    meter = Meter()
    work(meter)
    assert proxy is None
    assert meter.cost is not None
    return meter.cost


@pytest.mark.parametrize(
    ("words", "message"),
    [
        pytest.param(("--rows", "1e3,x"), "Expected numbers of images of at least 10", id="no number"),
        pytest.param(("--rows", "3"), "got '3'", id="too few"),
        pytest.param(("--only", "dance"), "Expected cases of write, open", id="no case"),
        pytest.param(("--against", "{file}"), "Expected a scale.json", id="no measuring"),
        pytest.param(("--s3", "s3://b/p"), "in AWS_ENDPOINT_URL, got none", id="no server"),
    ],
)
def test_wrong_usage_ends_before_work(
    words: tuple[str, ...], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.delenv("AWS_ENDPOINT_URL_S3", raising=False)
    (tmp_path / "file").write_text("{}")
    ran = tenfold("bench", "scale", *(word.format(file=tmp_path / "file") for word in words))
    assert ran.code == 2
    assert message in ran.err
