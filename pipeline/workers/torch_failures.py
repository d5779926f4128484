"""What PyTorch raises when memory is short, or a GPU is gone."""

from __future__ import annotations

from typing import Final

import torch

OUT_OF_MEMORY = (MemoryError, torch.OutOfMemoryError)
"""A worker that raises one of these lives on, but its task is treated as one that killed it."""
_LOST_DEVICE: Final = ("CUDA error", "cuDNN error")


def lost_device(error: BaseException) -> bool:
    """Whether a GPU is gone for this process (an illegal access, a hardware error, no room for a library's own needs):
    whatever it tries next fails as well, and says nothing about the image at hand."""
    return isinstance(error, RuntimeError) and str(error).startswith(_LOST_DEVICE)
