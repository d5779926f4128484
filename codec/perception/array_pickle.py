"""A pickle that holds arrays in dictionaries, read without running anything that it names."""

from __future__ import annotations

import io
import pickle
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

from codec.errors import WeightsError

_RECONSTRUCT: Final = np.empty(0).__reduce__()[0]
"""What numpy's own pickles call; the module that it lies in has another name in every major version."""
_ADMITTED: Final[dict[tuple[str, str], Any]] = {
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("numpy.core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("numpy._core.multiarray", "_reconstruct"): _RECONSTRUCT,
}


def arrays_of(data: bytes) -> dict[str, Tensor]:
    """Every array by its path through the dictionaries, such as `VGG16_0/Conv_0/kernel`.

    Raises:
        WeightsError: it holds, or names, anything but arrays of floats in dictionaries.
    """
    try:
        content = _ArraysOnly(io.BytesIO(data)).load()
    except (pickle.UnpicklingError, EOFError, ValueError, TypeError, AttributeError, IndexError) as error:
        raise WeightsError(
            f"expected a pickle of arrays, got {len(data)} bytes that are none: {error}"
        ) from error
    return dict(_leaves(content, ""))


class _ArraysOnly(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        try:
            return _ADMITTED[module, name]
        except KeyError:
            raise WeightsError(
                f"expected a pickle of arrays, got one that names {module}.{name}: not read"
            ) from None


def _leaves(content: object, path: str) -> list[tuple[str, Tensor]]:
    if isinstance(content, np.ndarray) and content.dtype == np.float32:
        return [(path.strip("/"), torch.from_numpy(content.copy()))]
    if isinstance(content, dict):
        return [leaf for name, below in content.items() for leaf in _leaves(below, f"{path}/{name}")]
    raise WeightsError(
        f"expected arrays of float32 in dictionaries, got {type(content).__name__} at {path or '/'}"
    )
