"""The worker that decodes: rows of shards in, finished files or packs out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from codec.errors import CodecError
from pipeline.archive.range_reads import read_rows
from pipeline.decode.deliver import deliver, deliver_view
from pipeline.decode.file_outlet import FileOutlet
from pipeline.decode.outlet import Outlet, OutputKind
from pipeline.decode.pack_outlet import PackOutlet
from pipeline.decode.row_decoder import RowDecoder
from pipeline.decode.tasks import DecodeResult, DecodeTask, Delivered, WantedImage
from pipeline.errors import StorageError, StoreDownError, TenfoldError
from pipeline.parts import parts
from pipeline.store.storage import Storage
from pipeline.store.urls import has_text_name
from pipeline.types import WITH_PIXELS, Image, ShardRow
from pipeline.workers.pool import Worker


class DecoderWorker(Worker[DecodeTask, DecodeResult]):
    """Holds the codecs it has met and decodes images."""

    def __init__(
        self,
        archive: Storage,
        destination: Storage,
        *,
        to: OutputKind,
        pack_prefix: str,
        decoder: str,
        batch_pixels: int,
        threads: int,
    ) -> None:
        """Take the stores, and this worker's share of the CPU."""
        self._archive = archive
        self._destination = destination
        self._to: OutputKind = to
        self._pack_prefix = pack_prefix
        self._decoder_name = decoder
        self._batch_pixels = batch_pixels
        self._decoder = RowDecoder(archive)
        self._writers = ThreadPoolExecutor(threads, thread_name_prefix="write")

    def run(self, task: DecodeTask) -> DecodeResult:
        """Decode and write the images of one task; one that cannot be is a reason in the result."""
        outlet = self._outlet(task)
        delivered: list[Delivered] = []
        failed: list[tuple[int, str]] = []
        pixels = 0
        rows = self._rows(task, failed)
        for batch in parts(rows, lambda one: one[1].num_pixels, most=self._batch_pixels):
            images = self._decode(batch)
            outcomes = [
                self._writers.submit(self._write, row, image, wanted, outlet)
                for (wanted, row), image in zip(batch, images, strict=True)
            ]
            for (wanted, row), outcome in zip(batch, outcomes, strict=True):
                written = outcome.result()
                if isinstance(written, str):
                    failed.append((wanted.position, written))
                else:
                    delivered.append(written)
                    pixels += row.num_pixels
        pack = outlet.finish()
        return DecodeResult(
            delivered=tuple(replace(one, pack=pack) for one in delivered), failed=tuple(failed), pixels=pixels
        )

    def close(self) -> None:
        """End the threads that write."""
        self._writers.shutdown()

    def _outlet(self, task: DecodeTask) -> Outlet:
        if self._to == "files":
            return FileOutlet(self._destination)
        return PackOutlet(self._destination, self._to, f"{self._pack_prefix}-{task.number:06d}")

    def _rows(
        self, task: DecodeTask, failed: list[tuple[int, str]]
    ) -> Iterator[tuple[WantedImage, ShardRow]]:
        """Those that can be had; the reasons of the others go into `failed`."""
        found = read_rows(self._archive, [image.row for image in task.images])
        for wanted, (_, row) in zip(task.images, found, strict=True):
            if isinstance(row, str):
                failed.append((wanted.position, row))
            else:
                yield wanted, row

    def _decode(self, batch: Sequence[tuple[WantedImage, ShardRow]]) -> list[Image | str | None]:
        """What is to be shown of each row, None for a file that comes as it is, or the reason why there is nothing.

        Raises:
            StorageError: the archive does not answer, whatever the image.
        """
        try:
            whole = defaultdict(list)
            for wanted, row in batch:
                if row.status in WITH_PIXELS and not wanted.is_view:
                    whole[self._decoder_of(wanted)].append(row)
            images = {name: iter(self._decoder.decode(rows, decoder=name)) for name, rows in whole.items()}
            return [self._picture(wanted, row, images) for wanted, row in batch]
        except StorageError:
            raise
        except (TenfoldError, CodecError) as error:
            if len(batch) == 1:
                return [str(error)]
            return [outcome for one in batch for outcome in self._decode([one])]

    def _picture(
        self, wanted: WantedImage, row: ShardRow, decoded: Mapping[str, Iterator[Image]]
    ) -> Image | None:
        decoder = self._decoder_of(wanted)
        if wanted.is_view:
            return self._decoder.open(row, decoder=decoder).view(size=wanted.size, region=wanted.region)
        return next(decoded[decoder]) if row.status in WITH_PIXELS else None

    def _decoder_of(self, wanted: WantedImage) -> str:
        return wanted.decoder or self._decoder_name

    def _write(
        self, row: ShardRow, image: Image | str | None, wanted: WantedImage, outlet: Outlet
    ) -> Delivered | str:
        """Write one image; or the reason why it is not written.

        Raises:
            StorageError: nothing can be written any more, whatever the image.
        """
        if isinstance(image, str):
            return image
        try:
            if wanted.is_view and image is not None:
                delivery = deliver_view(image, wanted.form, strict=False)
            else:
                delivery = deliver(row, image, wanted.form, strict=False)
            name = outlet.put(wanted, row, delivery)
        except (StorageError, FileNotFoundError) as error:
            if isinstance(error, StoreDownError):
                raise
            self._destination.check_writable()
            return str(error)
        except TenfoldError as error:
            return str(error)
        is_own_name = name == wanted.place(delivery.fmt).asked and has_text_name(row.source_url)
        return Delivered(
            position=wanted.position,
            path=name,
            num_bytes=len(delivery.data),
            is_renamed=self._to == "files" and not is_own_name,
            otherwise=delivery.otherwise,
        )
