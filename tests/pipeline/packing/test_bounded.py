"""Samples within a bound, measured on the file that comes back."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tifffile

from pipeline.packing.grid_file import file_difference, pack_bounded
from pipeline.packing.registry import FILE_PACKINGS, GRID_ZFP

FIELD = np.sin(np.arange(60)[:, None] / 9.0) * np.cos(np.arange(80) / 7.0)


def _tiff(samples: npt.NDArray[Any], **options: Any) -> bytes:
    stream = io.BytesIO()
    tifffile.imwrite(stream, samples, **options)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("samples", "bound", "options"),
    [
        (FIELD.astype(np.float32), 1e-3, {}),
        (FIELD.astype(np.float32), 1e-3, {"byteorder": ">"}),
        (FIELD * 1e6, 0.5, {}),
        (FIELD.astype(np.float16), 0.01, {}),
        (((FIELD + 1) * 30000).astype(np.uint16), 20, {}),
        (((FIELD + 1) * 30000).astype(np.uint16), 1, {}),
        ((FIELD * 30000).astype(np.int16), 20, {}),
        ((FIELD * 3e8).astype(np.int32), 1000, {}),
        ((np.dstack([FIELD] * 3) * 3e4 + 3e4).astype(np.uint16), 20, {"photometric": "rgb"}),
        (
            np.dstack([FIELD] * 5).astype(np.float32),
            1e-3,
            {"photometric": "minisblack", "planarconfig": "contig"},
        ),
    ],
    ids=str,
)
def test_no_sample_is_further_off_than_told(
    samples: npt.NDArray[Any], bound: float, options: dict[str, Any]
) -> None:
    data = _tiff(samples, **options)
    packed = pack_bounded(data, bound)
    assert packed is not None
    file = FILE_PACKINGS[GRID_ZFP].unpack(packed.payload, len(data))
    back = tifffile.imread(io.BytesIO(file))
    assert back.dtype == samples.dtype
    found = np.abs(back.astype(np.float64) - samples.astype(np.float64)).max()
    assert found == packed.max_error == file_difference(data, file)
    assert found <= bound
    assert len(packed.payload) < len(data)


def test_what_is_not_finite_or_not_deep_is_left_alone() -> None:
    broken = FIELD.astype(np.float32)
    broken[3, 4] = np.nan
    assert pack_bounded(_tiff(broken), 0.1) is None
    assert pack_bounded(_tiff((FIELD * 100 + 128).astype(np.uint8)), 0.1) is None
    assert pack_bounded(b"no picture", 0.1) is None


def test_files_that_differ_in_other_than_samples_have_no_difference() -> None:
    data = _tiff(FIELD, description="one")
    assert file_difference(data, _tiff(FIELD, description="two")) is None
    assert file_difference(data, data) == 0
