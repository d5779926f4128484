"""A weights file: tensors in safetensors, what they are in its metadata, known by the digest of its bytes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

import safetensors

from codec.bitstream import DIGEST_BYTES
from codec.errors import WeightsError

if TYPE_CHECKING:  # names and digests of weights files need no torch
    import torch
    from torch import Tensor

SHIPPED: Final = Path(__file__).parent / "shipped"
SUFFIX: Final = ".safetensors"
_METADATA_KEY: Final = "tenfold"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WeightsFile:
    """One file, read and not yet understood."""

    tensors: dict[str, Tensor]
    config: str
    """JSON that says what the tensors are and how they came to be."""
    data: bytes
    where: str
    """For messages."""

    @property
    def digest(self) -> bytes:
        """First 8 bytes of the file's sha256, as every payload made with it carries them."""
        return digest_of(self.data)


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightsHeader:
    """What a file says before its tensors."""

    shapes: Mapping[str, tuple[int, ...]]
    """Of every tensor, by its name."""
    config: str
    """JSON that says what the tensors are and how they came to be."""


def digest_of(data: bytes) -> bytes:
    """First 8 bytes of the sha256 of a weights file."""
    return hashlib.sha256(data).digest()[:DIGEST_BYTES]


def read_weights(path: Path) -> WeightsFile:
    """A weights file from disk.

    Raises:
        WeightsError: it is missing, or not a weights file.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise WeightsError(f"expected weights at {path}, got {error}") from error
    return parse_weights(data, where=str(path))


def read_header(path: Path) -> WeightsHeader:
    """What a weights file on disk says before its tensors. Needs no torch and reads none of them.

    Raises:
        WeightsError: it is missing, or not a weights file.
    """
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            shapes = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
            return WeightsHeader(shapes=shapes, config=file.metadata()[_METADATA_KEY])
    except (OSError, safetensors.SafetensorError, KeyError, TypeError) as error:
        raise WeightsError(f"expected Tenfold's weights at {path}, got {error}") from error


def config_of(data: bytes, *, where: str) -> str:
    """What a weights file says of its tensors, without reading them.

    Raises:
        WeightsError: it is not a weights file.
    """
    try:
        header_length = int.from_bytes(data[:8], "little")
        return str(json.loads(data[8 : 8 + header_length])["__metadata__"][_METADATA_KEY])
    except (ValueError, KeyError, TypeError) as error:
        raise WeightsError(f"weights {where} are damaged, or not Tenfold's: {error}") from error


def parse_weights(data: bytes, *, where: str) -> WeightsFile:
    """A weights file from its bytes.

    Raises:
        WeightsError: they are not a weights file.
    """
    from safetensors.torch import load

    try:
        tensors = load(data)
    except (safetensors.SafetensorError, ValueError, KeyError, TypeError) as error:
        raise WeightsError(f"weights {where} are damaged, or not Tenfold's: {error}") from error
    return WeightsFile(tensors=tensors, config=config_of(data, where=where), data=data, where=where)


def weights_bytes(config: str, tensors: dict[str, Tensor]) -> bytes:
    """A weights file: floating-point tensors as float16, integers as they are, `config` in the metadata.

    Raises:
        WeightsError: a tensor holds a value that float16 does not, or one that is not finite.
    """
    from safetensors.torch import save

    stored = {
        name: (tensor.half() if tensor.is_floating_point() else tensor).detach().cpu().contiguous()
        for name, tensor in tensors.items()
    }
    for name, tensor in stored.items():
        if tensor.is_floating_point() and not tensor.isfinite().all():
            raise WeightsError(
                f"expected weights within the range of float16, +-65,504, got {float(tensors[name].abs().max()):.6g} "
                f"in {name}: the training has run away; begin anew with a lower learning rate"
            )
    return save(stored, metadata={_METADATA_KEY: config})


def shipped(digest: str) -> bytes | None:
    """The weights file that ships with this release and has a digest (hexadecimal); None when there is none."""
    files = (path.read_bytes() for path in sorted(SHIPPED.rglob(f"*{SUFFIX}")))
    return next((data for data in files if digest_of(data).hex() == digest), None)


def shipped_digests() -> frozenset[bytes]:
    """Digests of all weights files that ship with this release. A process reads them once."""
    return _digests_below(SHIPPED)


@cache
def _digests_below(folder: Path) -> frozenset[bytes]:
    return frozenset(digest_of(path.read_bytes()) for path in folder.rglob(f"*{SUFFIX}"))


def weights_name(digest: bytes) -> str:
    """What a weights file is called where several lie together."""
    return f"{digest.hex()}{SUFFIX}"


def load_state(model: torch.nn.Module, tensors: dict[str, Tensor], *, where: str) -> None:
    """Put a file's tensors into a model, in float32, ready for evaluation.

    Raises:
        WeightsError: they are another model's, or hold numbers that are none.
    """
    for name, wanted in model.state_dict().items():
        if (found := tensors.get(name)) is None:
            continue  # told below, with all that is missing
        if _kind(found) != _kind(wanted):
            raise WeightsError(
                f"weights {where} are damaged: {name} is of {found.dtype}, not of {wanted.dtype}"
            )
        if found.is_floating_point() and not found.isfinite().all():
            raise WeightsError(f"weights {where} are damaged: {name} holds numbers that are not finite")
    try:
        model.load_state_dict(
            {n: t.float() if t.is_floating_point() else t for n, t in tensors.items()}, assign=True
        )
    except RuntimeError as error:
        raise WeightsError(f"weights {where} are made for another model: {error}") from error
    model.eval().requires_grad_(False)


def _kind(tensor: Tensor) -> tuple[bool, bool]:
    return tensor.is_floating_point(), tensor.is_complex()
