"""Images of an archive by number, for whatever takes a map-style dataset of PyTorch.

dataset = ArchiveDataset("s3://bucket/archive", where="psnr_db > 30", size=256)
loader = DataLoader(dataset, batch_size=64, num_workers=4, shuffle=True)
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, get_args

import pyarrow as pa
from torch.utils.data import Dataset

from codec.contract import FAITHFUL
from pipeline.archive.catalogue import Catalogue
from pipeline.archive.decoders import stored_decoders
from pipeline.archive.versions import AsOf
from pipeline.datasets.decoded_cache import DecodedCache
from pipeline.datasets.image_source import ImageSource, OnError, StoredItem, Transform
from pipeline.datasets.item_form import ItemForm
from pipeline.datasets.selected_rows import select_rows
from pipeline.decode.decoder_choice import files_of
from pipeline.decode.view_size import Region, Size
from pipeline.errors import ArchiveError, ConfigError
from pipeline.store.options import StorageOptions
from pipeline.store.storage import Storage


class ArchiveDataset(Dataset[Any]):
    """Images of an archive as items: dicts with `key` and `image`, uint8 of shape (3, H, W).

    The catalogue is asked once, here; what is committed later is not seen. Works in workers by fork, forkserver and
    spawn, and can be pickled. A batch is read with few requests, and decoded together.
    """

    def __init__(
        self,
        url: str,
        *,
        keys: Sequence[str] | None = None,
        where: str | None = None,
        as_of: AsOf | None = None,
        size: Size | None = None,
        region: Region | None = None,
        latents: bool | int = False,
        decoder: str = FAITHFUL,
        columns: Sequence[str] = (),
        transform: Transform | None = None,
        decode: bool = True,
        cache: str | os.PathLike[str] | None = None,
        on_error: OnError = "raise",
        options: StorageOptions = StorageOptions(),  # noqa: B008 frozen
    ) -> None:
        """Ask the catalogue which images there are.

        Args:
            url: of the archive: a folder, s3://bucket/prefix, or any other URL of a store.
            keys: these images, in this order; None for all that `where` leaves, sorted by key.
            where: an SQL condition on the columns of the catalogue, as `key LIKE 'train/%'`.
            as_of: the archive as it was: a version's number, or a time with its zone.
            size: the longer side at most, in pixels, or a box, (width, height) with None for a side that may be as long
                as it likes. Smaller images take a fraction of the time.
            region: (left, top, width, height) of the part that is wanted of each image, in pixels as stored.
            latents: True for items with `latents`, float32 of shape (C, h, w), in the place of `image`, without running
                a decoder network; a number for the first so many channels, the coarsest.
            decoder: what shows coded images (`tenfold codecs` lists them); one that it cannot show cannot be given.
            columns: of the catalogue, to be in every item beside its key, as `psnr_db`.
            transform: what makes of an item what is to be given. Under spawn and forkserver it must be pickled: a
                function of a module.
            decode: False for items that are only read, which `decode_batch` decodes, perhaps on a GPU.
            cache: a folder on a local disk, in which is kept what was decoded (pipeline/datasets/decoded_cache.py).
            on_error: `raise` at an image that cannot be given; or `skip` it, with a warning in the log: a batch is
                smaller then.
            options: how to reach the store.
        Raises:
            NoArchiveError: there is no archive.
            UnknownKeyError: the archive does not hold one of `keys`.
            ArchiveError: an image failed when it was to be compressed, or was kept and is no picture, or has no
                latents; with `skip` those are in `left_out`.
            ConfigError: options that exclude each other, or what no image can be shown in; latents that have nothing in
                common.
            CodecConfigError: no codec here has such a decoder.
        """
        if on_error not in get_args(OnError):
            raise ConfigError(f"Expected on_error of {' or '.join(get_args(OnError))}, got {on_error!r}.")
        storage = Storage(url, options)
        form = ItemForm(size=size, region=region, latents=latents, decoder=decoder)
        catalogue = Catalogue(storage, as_of=as_of)
        rows = select_rows(
            catalogue,
            keys=keys,
            where=where,
            facts=columns,
            only_coded=form.is_latents,
            leaves_out=on_error == "skip",
        )
        self.version = catalogue.version()
        """Of the archive: `as_of` opens it again as it is seen here."""
        self.source = ImageSource(
            archive=storage,
            rows=rows,
            form=form,
            cache=None
            if cache is None
            else DecodedCache(cache, form, decoder_files=files_of(decoder, stored_decoders(storage))),
            transform=transform,
            decodes=decode,
            on_error=on_error,
        )
        """What streams and other loaders of the same images read from."""

    @property
    def table(self) -> pa.Table:
        """`key` and the columns that were asked for, of every image by number: for labels, weights and samplers."""
        rows = self.source.rows
        return rows.table.select(list(dict.fromkeys(("key", *rows.facts))))

    @property
    def left_out(self) -> pa.Table:
        """`key`, `status` and `reason` of the images that were asked for and have nothing to give."""
        return self.source.rows.left_out

    def __len__(self) -> int:
        return len(self.source.rows)

    def __getitem__(self, number: int) -> Any:
        if not -len(self) <= number < len(self):
            raise IndexError(f"Expected a number below {len(self)}, got {number}.")
        items = self.source.items([number % len(self)])
        if not items:
            raise ArchiveError(
                f"Expected to give the image {self.table['key'][number].as_py()!r}, which is asked for alone and can "
                "not be skipped; the log says what is wrong with it."
            )
        return items[0]

    def __getitems__(self, numbers: Sequence[int]) -> list[Any]:
        """The items of a batch; PyTorch's loaders ask so."""
        return self.source.items(numbers)

    def decode_batch(self, items: Sequence[StoredItem], *, device: str = "auto") -> list[Any]:
        """Decode what was only read, in the process that calls: on its GPU, where it has one.

        Args:
            items: of this dataset, which was made with `decode=False`, as in `DataLoader(..., collate_fn=list)`.
            device: `auto`, `cpu`, `cuda`, `cuda:1`, ...
        Returns:
            What the dataset gives with `decode=True`, in the order of `items`.
        Raises:
            ArchiveError: an image cannot be decoded, and is not to be skipped.
        """
        return self.source.decode(items, device=device)
