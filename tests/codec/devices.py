"""The devices that tests run on: the CPU, and a GPU where there is one (`pytest -m gpu` for that alone)."""

from __future__ import annotations

from itertools import product

import pytest
import torch

_MARKS = (pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"))
on_a_gpu = pytest.mark.parametrize("device", [pytest.param("cuda", marks=_MARKS)])
on_every_device = pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=_MARKS)])
between_devices = pytest.mark.parametrize(
    ("there", "here"),
    [
        pytest.param(there, here, marks=_MARKS if "cuda" in (there, here) else ())
        for there, here in product(("cpu", "cuda"), repeat=2)
    ],
)
