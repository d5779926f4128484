"""Images of an archive by number, as items of a training loop: bytes, then arrays, then what the user makes of them.

numbers --read--> StoredItem --decode--> item
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt
import torch

from pipeline.archive.range_reads import read_rows
from pipeline.datasets.batch_decoder import Array, BatchDecoder
from pipeline.datasets.decoded_cache import DecodedCache
from pipeline.datasets.item_form import ItemForm
from pipeline.datasets.selected_rows import SelectedRows
from pipeline.errors import ArchiveError, DamagedError
from pipeline.store.storage import Storage
from pipeline.types import CatalogueRow, ShardRow

Item = dict[str, Any]
"""`key`, `image` or `latents`, and the columns that were asked for."""
Transform = Callable[[Item], Any]
OnError = Literal["raise", "skip"]

_LOG: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StoredItem:
    """An image on its way: its bytes, or what the cache holds of it."""

    row: CatalogueRow
    facts: dict[str, Any]
    """The columns that were asked for."""
    stored: ShardRow | None
    """With the payload; None where the cache holds the image."""
    array: Array | None
    """What the cache holds."""

    @property
    def key(self) -> str:
        """Name of the image in the archive."""
        return self.row.key


@dataclass(kw_only=True, eq=False)
class ImageSource:
    """What all datasets of an archive are made of. Can be pickled, and used after a fork."""

    archive: Storage
    rows: SelectedRows
    form: ItemForm
    cache: DecodedCache | None
    transform: Transform | None
    decodes: bool
    """Whether `items` are decoded, or only read."""
    on_error: OnError
    _decoders: dict[str, BatchDecoder] = field(default_factory=dict)
    """By device, those in use: they stay in this process."""

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_decoders": {}}

    def only(self, first: int, last: int) -> ImageSource:
        """The images from one number up to another: numbers begin anew."""
        return replace(self, rows=self.rows.only(first, last))

    def item_bytes(self) -> npt.NDArray[np.int64]:
        """Memory that each decoded item takes, about."""
        return self.form.item_bytes(*(self.rows.numbers(name) for name in ("width", "height")))

    def items(self, numbers: Sequence[int]) -> list[Any]:
        """What is given of some images, in their order.

        Raises:
            ArchiveError, StorageError: as `read` and `decode`.
        """
        read = self.read(numbers)
        return self.decode(read) if self.decodes else read

    def read(self, numbers: Sequence[int]) -> list[StoredItem]:
        """The bytes of some images, in their order; neighbours in a shard come in one range read.

        Raises:
            DamagedError: one cannot be had, unless `on_error` says to leave it out.
            StorageError: the store does not answer.
        """
        rows, facts = self.rows.rows(numbers), self.rows.facts_of(numbers)
        held = {} if self.cache is None else {n: self.cache.read(row) for n, row in enumerate(rows)}
        missing = [n for n in range(len(rows)) if held.get(n) is None]
        found = dict(zip(missing, read_rows(self.archive, [rows[n] for n in missing]), strict=True))
        items = []
        for n, row in enumerate(rows):
            stored = None if n not in found else found[n][1]
            if isinstance(stored, str):
                self._leave_out(DamagedError(stored), row.key)
            else:
                items.append(StoredItem(row=row, facts=facts[n], stored=stored, array=held.get(n)))
        return items

    def decode(self, items: Sequence[StoredItem], *, device: str = "cpu") -> list[Any]:
        """What the user wants of images that were read, in their order.

        Raises:
            ArchiveError: one cannot be decoded, unless `on_error` says to leave it out.
        """
        arrays = {n: item.array for n, item in enumerate(items) if item.array is not None}
        waiting = [(n, item.stored) for n, item in enumerate(items) if item.stored is not None]
        decoded = self._decoder(device).decode([stored for _, stored in waiting])
        for (n, _), outcome in zip(waiting, decoded, strict=True):
            if isinstance(outcome, ArchiveError):
                self._leave_out(outcome, items[n].key)
                continue
            arrays[n] = outcome
            if self.cache is not None:
                self.cache.write(items[n].row, outcome)
        return [self._item(items[n], arrays[n]) for n in sorted(arrays)]

    def _item(self, stored: StoredItem, array: Array) -> Any:
        tensor = torch.from_numpy(array)
        shown = tensor if self.form.is_latents else tensor.permute(2, 0, 1)
        item = {"key": stored.key, self.form.name: shown, **stored.facts}
        return item if self.transform is None else self.transform(item)

    def _decoder(self, device: str) -> BatchDecoder:
        if device not in self._decoders:
            self._decoders[device] = BatchDecoder(self.archive, self.form, device=device)
        return self._decoders[device]

    def _leave_out(self, error: ArchiveError, key: str) -> None:
        """Say what is wrong with an image.

        Raises:
            ArchiveError: it is not to be left out.
        """
        if self.on_error == "raise":
            raise error
        _LOG.warning("The image %r is left out: %s", key, error)
