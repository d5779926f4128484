"""An archive as a Python object: images back by key, one range read each.

archive = Archive("s3://bucket/photos.tenfold")
picture = archive.get("holiday/beach.jpg")
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import PIL.Image
import pyarrow as pa

from codec.contract import FAITHFUL
from codec.head import Seen
from codec.registry import check_decoder
from pipeline.archive.catalogue import Catalogue
from pipeline.archive.key_index import KeyIndex
from pipeline.archive.labels import best_labels
from pipeline.archive.range_reads import read_all, read_payload, read_row
from pipeline.archive.schema import rows_of
from pipeline.archive.versions import AsOf
from pipeline.decode.deliver import Delivery, deliver, deliver_view, of_format
from pipeline.decode.file_form import FileForm, OutputFormat
from pipeline.decode.opened_image import OpenedImage
from pipeline.decode.original_picture import original_picture
from pipeline.decode.row_decoder import PIXELS_TOGETHER, RowDecoder
from pipeline.decode.view_size import Region, Size
from pipeline.errors import ArchiveError, ConfigError, DamagedError
from pipeline.image.read import read_image
from pipeline.image.write import to_pillow
from pipeline.packing.file_of import file_of
from pipeline.parts import parts
from pipeline.store.options import StorageOptions
from pipeline.store.storage import Storage
from pipeline.types import WITH_PIXELS, CatalogueRow, Image, ShardRow


class Archive:
    """The images of one archive, as committed when first looked at; `refresh` looks again.

    Safe to use from several threads, and can be pickled. Processes that inherit it by fork must not be the
    first to look up keys: start them with spawn, or touch the archive only in them.
    """

    def __init__(
        self,
        url: str,
        *,
        options: StorageOptions = StorageOptions(),  # noqa: B008 frozen
        device: str = "auto",
        as_of: AsOf | None = None,
    ) -> None:
        """Take where the archive lies and where to decode; nothing is contacted yet.

        Args:
            url: a folder, s3://bucket/prefix, or any other URL of a store.
            options: how to reach the store.
            device: `auto`, `cpu`, `cuda`, ...: where codecs are loaded.
            as_of: the archive as it was: a version's number, or a time with its zone.
        """
        self._storage = Storage(url, options)
        self._device = device
        self._as_of = as_of
        self._catalogue = Catalogue(self._storage, as_of=as_of)
        self._index = KeyIndex(self._catalogue)
        self._decoder = RowDecoder(self._storage, device=device)

    def __repr__(self) -> str:
        return f"Archive({self._storage.url!r})"

    def __reduce__(self) -> tuple[Callable[..., Archive], tuple[str, StorageOptions, str, AsOf | None]]:
        return _reopened, (self._storage.url, self._storage.options, self._device, self._as_of)

    def get(
        self,
        key: str,
        *,
        size: Size | None = None,
        region: Region | None = None,
        decoder: str = FAITHFUL,
        first_bytes: int | None = None,
    ) -> PIL.Image.Image:
        """One image, with EXIF, ICC profile and XMP in its `info`; orientation is not applied.

        A coded or lossless image comes in mode L, LA, RGB or RGBA. A kept one is its original file, opened. In another
        size, or in part, any image comes in one of those modes, with its ICC profile and EXIF that says its orientation
        and no more; and for less work than the whole.

        Args:
            size: the longer side at most, in pixels, or a box, (width, height) with None for a side that may be as
                long as it likes. Proportions are kept, and nothing is made larger.
            region: (left, top, width, height) of the part that is wanted, in pixels as stored, before any orientation
                is applied: `get(key, region=...)` is `get(key)` cropped.
            decoder: what shows it where it was coded (`tenfold codecs` lists them). A picture that shows more than was
                stored says so in its XMP: the DigitalSourceType of IPTC.
            first_bytes: read at most so many of the payload, and show what they say; no checksum is compared then.
        Raises:
            UnknownKeyError: the archive has no such image.
            ArchiveError: the image failed when it was to be compressed, or is kept and larger than Pillow opens, or
                holds no picture that can be shown so; or first bytes are asked of one that is not coded, or too few.
            ConfigError: no size, or a region that does not lie in the image; or first bytes beside a size, a region or
                a decoder.
            DamagedError: its bytes are not those that were written.
            CodecConfigError, NoDecoderError: its codec has no such decoder, or none for the weights that it was coded
                with.
        """
        if first_bytes is not None:
            _check_first(first_bytes, size, region, decoder)
            return to_pillow(self._decoder.decode_prefix(self._first(key, first_bytes)))
        if size is not None or region is not None:
            return to_pillow(self.open(key, decoder=decoder).view(size=size, region=region))
        row = self._read_for(decoder, key)
        return to_pillow(self._decoded(row, decoder)) if row.status in WITH_PIXELS else original_picture(row)

    def get_many(
        self, keys: Iterable[str], *, size: Size | None = None, decoder: str = FAITHFUL
    ) -> Iterator[tuple[str, PIL.Image.Image]]:
        """Many images as `get` gives one, each with its key, in the order in which they lie in the archive.

        Neighbours come in one range read, and are decoded together. A few are in memory at once.

        Args:
            keys: each counts once.
            size: as for `get`.
            decoder: likewise.
        Raises:
            UnknownKeyError: the archive lacks one of them; nothing is read then.
            ArchiveError, CodecError, ConfigError, DamagedError: as `get`.
        """
        check_decoder(decoder)
        rows = (row for _, row in self.read_many(keys))
        for part in parts(rows, lambda row: row.num_pixels, most=PIXELS_TOGETHER):
            if size is not None:
                opened = ((row.key, self._decoder.open(row, decoder=decoder)) for row in part)
                yield from ((key, to_pillow(one.view(size=size))) for key, one in opened)
                continue
            with_pixels = [row for row in part if row.status in WITH_PIXELS]
            images = iter(self._decoder.decode(with_pixels, decoder=decoder))
            for row in part:
                yield row.key, to_pillow(next(images)) if row.status in WITH_PIXELS else original_picture(row)

    def open(self, key: str, *, decoder: str = FAITHFUL) -> OpenedImage:
        """One image for pictures of any size and any part of it: what was decoded for one serves the next.

        Args:
            decoder: as for `get`. A small picture by another than the faithful one costs as much as the whole.
        Raises:
            UnknownKeyError: the archive has no such image.
            ArchiveError: the image failed when it was to be compressed, or it is kept and there is no picture to see
                in its file, or one of more than 100 megapixels.
            DamagedError: its bytes are not those that were written.
            CodecConfigError, NoDecoderError: as `get`.
        """
        return self._decoder.open(self._read_for(decoder, key), decoder=decoder)

    def image(self, key: str, *, decoder: str = FAITHFUL) -> Image:
        """The pixels of one image as an array, and all metadata byte for byte.

        Args:
            decoder: as for `get`.
        Raises:
            ArchiveError: also when the image was kept because its samples are of a kind not modelled.
        """
        row = self._read_for(decoder, key)
        if row.status in WITH_PIXELS:
            return self._decoded(row, decoder)
        image = read_image(file_of(row))
        if not isinstance(image, Image):
            raise ArchiveError(
                f"Expected 8-bit grey or RGB pixels under key {key!r}, got an original file{of_format(row)}, "
                f"kept because of {image.reason}. `Archive.get` opens it where Pillow does."
            )
        return image

    def file(
        self,
        key: str,
        fmt: OutputFormat | None = None,
        *,
        quality: int | None = None,
        size: Size | None = None,
        region: Region | None = None,
        decoder: str = FAITHFUL,
        first_bytes: int | None = None,
    ) -> Delivery:
        """One image as the bytes of a file.

        Args:
            fmt: None for PNG where coded or lossless, and for the file itself where kept or bounded; `source` for the
                format in which the image came, where it is a lossy one in a file that is not larger than it was.
            quality: 1 (smallest) to 100, of lossy formats.
            size: as for `get`: then any image is written anew, with what `get` keeps, as PNG where no format is said.
            region: likewise.
            decoder: likewise.
            first_bytes: likewise.
        Raises:
            RestoreError: the format cannot hold this image.
            ConfigError: the format takes no quality; or as `get`.
        """
        form = FileForm(fmt=fmt, quality=quality)
        if first_bytes is not None:
            _check_first(first_bytes, size, region, decoder)
            row = self._first(key, first_bytes)
            delivery = deliver(row, self._decoder.decode_prefix(row), form, strict=True)
            read = len(row.payload or b"")
            return replace(delivery, description=f"{delivery.description}, from its first {read:,} bytes")
        if size is not None or region is not None:
            view = self.open(key, decoder=decoder).view(size=size, region=region)
            return deliver_view(view, form, strict=True)
        row = self._read_for(decoder, key)
        decoded = self._decoded(row, decoder) if row.status in WITH_PIXELS else None
        return deliver(row, decoded, form, strict=True)

    def latents(self, key: str) -> npt.NDArray[np.float32]:
        """The dequantised latents of a coded image, (C, h, w), without running the synthesis network.

        Raises:
            ArchiveError: the image is not coded, so it has none.
        """
        _, codec_id, payload = self._coded(key)
        return self._decoder.latents(codec_id, payload)

    def labels(self, key: str) -> tuple[tuple[str, float], ...]:
        """What a small network guesses to be seen in a coded image: five labels of ImageNet, the surest first, each
        with how sure it is, 0 to 1. They are read from the first latents, looked at upright; no picture is decoded.

        Raises:
            ArchiveError: the image is not coded.
            NoHeadError: its codec has no such network, or none for the weights that made it.
        """
        codec_id, seen = self._seen(key)
        return best_labels(self._decoder.head(codec_id).labels, seen.scores)

    def embedding(self, key: str) -> npt.NDArray[np.float32]:
        """What the same network makes of a coded image, (E,): images that look alike to it have embeddings of one
        direction.

        Raises:
            ArchiveError, NoHeadError: as `labels`.
        """
        return self._seen(key)[1].embedding

    def head(self, key: str) -> str:
        """Digest of the network that `labels` and `embedding` of a coded image come from, hexadecimal: embeddings of
        two networks have nothing to do with each other.

        Raises:
            ArchiveError, NoHeadError: as `labels`.
        """
        _, codec_id, _ = self._coded(key)
        return self._decoder.head(codec_id).digest.hex()

    def _seen(self, key: str) -> tuple[str, Seen]:
        """The codec of an image, and what its head sees in it."""
        row, codec_id, payload = self._coded(key)
        return codec_id, self._decoder.see_payload(codec_id, payload, row.orientation)

    def _coded(self, key: str) -> tuple[CatalogueRow, str, bytes]:
        """Row, codec and payload of an image that has latents."""
        row = self.row(key)
        payload = read_payload(self._storage, row)
        if row.codec is None:
            raise ArchiveError(
                f"Expected a coded image under key {key!r}, got one that was {row.status}: {row.reason}. "
                "Only coded images have latents."
            )
        return row, row.codec, payload

    def read(self, key: str) -> ShardRow:
        """One image as its shard holds it: payload and, where coded, metadata; nothing is decoded.

        One range read of exactly the payload, and at the same time one for each kind of metadata it has.
        """
        return read_row(self._storage, self.row(key))

    def _read_for(self, decoder: str, key: str) -> ShardRow:
        """One image to be shown by a decoder, which some codec here must have, whatever the image is stored as."""
        check_decoder(decoder)
        return self.read(key)

    def _first(self, key: str, first_bytes: int) -> ShardRow:
        """One image with the first bytes of its payload."""
        return read_row(self._storage, self.row(key), first_bytes=first_bytes)

    def read_many(self, keys: Iterable[str]) -> Iterator[tuple[str, ShardRow]]:
        """Many images as `read` gives one, each with its key, in the order in which they lie in the archive.

        Neighbours in a shard, with less than 64 kB between them, come in one range read. 32 MiB are held at once.

        Args:
            keys: each counts once.
        Raises:
            UnknownKeyError: the archive lacks one of them; nothing is read then.
            ArchiveError, DamagedError: as `read`.
        """
        wanted = dict.fromkeys(keys)
        found = self._index.find_many(wanted)
        for key in wanted:
            if key not in found:
                self.row(key)  # says which keys resemble it
        for row, got in read_all(self._storage, found.values()):
            if isinstance(got, str):
                raise DamagedError(got)
            yield row.key, got

    def read_payload(self, key: str) -> bytes:
        """One image's payload alone, as it lies in the archive: a codec's bitstream where coded, else packed as the
        row's `packing` says; `file` gives the file of a kept image."""
        return read_payload(self._storage, self.row(key))

    def row(self, key: str) -> CatalogueRow:
        """What the catalogue says about one image.

        Raises:
            UnknownKeyError: the archive has no such image; the message names keys that resemble it, of a few
                thousand that are read for it.
        """
        return self._index.row(key)

    def find(self, key: str) -> CatalogueRow | None:
        """What the catalogue says about one image; None when the archive has no such image."""
        return self._index.find(key)

    def rows(self, where: str | None = None) -> Iterator[CatalogueRow]:
        """What the catalogue says about every image, streamed in no particular order.

        Args:
            where: an SQL condition on the columns, as `psnr_db < 30 AND status = 'coded'`.
        """
        for batch in self._catalogue.scan(where=where):
            yield from rows_of(batch, CatalogueRow)

    def table(self, columns: Sequence[str] | None = None, *, where: str | None = None) -> pa.Table:
        """The catalogue as an Arrow table, sorted by key. Its `to_pandas()` needs pandas, which is not installed."""
        return self._catalogue.table(columns, where=where)

    def keys(self, prefix: str = "", *, glob: str | None = None) -> Iterator[str]:
        """The keys, sorted, the failed images' included.

        Args:
            prefix: only keys that start so.
            glob: only keys that match, as `holiday/**/*.jpg`: `*` stays inside one folder and `**` spans folders. A
                pattern without any `/` is matched against the whole key: `*.jpg` is every JPEG.
        Raises:
            ConfigError: the glob cannot be one.
        """
        found = (
            self._catalogue.with_prefix(prefix, ["key"])
            if glob is None
            else self._catalogue.in_key_order(["key"], glob=glob)
        )
        for batch in found:
            yield from (key for key in batch["key"].to_pylist() if key.startswith(prefix))

    def __iter__(self) -> Iterator[str]:
        return self.keys()

    def __len__(self) -> int:
        return self._catalogue.count()

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and self._index.find(key) is not None

    def refresh(self) -> None:
        """See what has been committed since, and which decoders are kept; an archive opened as of a version shows the
        images of that one."""
        self._index.refresh()
        self._decoder.forget_decoders()

    def _decoded(self, row: ShardRow, decoder: str) -> Image:
        return self._decoder.decode([row], decoder=decoder)[0]


def _check_first(first_bytes: int, size: Size | None, region: Region | None, decoder: str) -> None:
    if first_bytes < 1:
        raise ConfigError(f"Expected first_bytes of 1 or more, got {first_bytes}.")
    if size is not None or region is not None or decoder != FAITHFUL:
        raise ConfigError(
            "Expected first_bytes alone, got a size, a region or a decoder beside it: what the first bytes show comes "
            "whole, by the faithful decoder. Leave out the one or the others."
        )


def _reopened(url: str, options: StorageOptions, device: str, as_of: AsOf | None) -> Archive:
    return Archive(url, options=options, device=device, as_of=as_of)
