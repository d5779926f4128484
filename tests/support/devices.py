"""What tests run on: the CPU, a GPU where there is one (`pytest -m gpu` for that alone), and between two of them, of
which one may be the CPU under another version of torch (`make other-torch`)."""

from __future__ import annotations

from itertools import product

import pytest
import torch

from tests.support.other_torch import PYTHON

OTHER_TORCH = "other torch"
_ON_A_GPU = (pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"))
_OTHER_TORCH_MARKS = (pytest.mark.skipif(PYTHON is None, reason="no other torch: make other-torch"),)
on_a_gpu = pytest.mark.parametrize("device", [pytest.param("cuda", marks=_ON_A_GPU)])
on_every_device = pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=_ON_A_GPU)])
between_devices = pytest.mark.parametrize(
    ("there", "here"),
    [
        *(
            pytest.param(there, here, marks=_ON_A_GPU)
            for there, here in product(("cpu", "cuda"), repeat=2)
            if "cuda" in (there, here)  # from CPU to CPU go the golden payloads
        ),
        pytest.param("cpu", OTHER_TORCH, marks=_OTHER_TORCH_MARKS),
        pytest.param(OTHER_TORCH, "cpu", marks=_OTHER_TORCH_MARKS),
    ],
)
