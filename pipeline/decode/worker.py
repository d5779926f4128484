"""The worker that decodes: rows of one shard in, finished files out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from codec.errors import CodecError
from pipeline.archive.range_reads import read_rows
from pipeline.decode.deliver import deliver
from pipeline.decode.file_form import FileForm
from pipeline.decode.put import put_file
from pipeline.decode.row_decoder import RowDecoder
from pipeline.decode.tasks import DecodeResult, DecodeTask, WantedImage
from pipeline.errors import StorageError, StoreDownError, TenfoldError
from pipeline.store.name_limits import limits_of
from pipeline.store.storage import Storage
from pipeline.store.urls import has_text_name
from pipeline.types import WITH_PIXELS, Image, ShardRow
from pipeline.workers.pool import Worker


class DecoderWorker(Worker[DecodeTask, DecodeResult]):
    """Holds the codecs it has met and decodes shards."""

    def __init__(
        self,
        archive: Storage,
        destination: Storage,
        *,
        form: FileForm,
        batch_pixels: int,
        threads: int,
    ) -> None:
        """Take the stores, and this worker's share of the CPU."""
        self._archive = archive
        self._destination = destination
        self._limits = limits_of(destination.url)
        self._form = form
        self._batch_pixels = batch_pixels
        self._decoder = RowDecoder(archive)
        self._writers = ThreadPoolExecutor(threads, thread_name_prefix="write")

    def run(self, task: DecodeTask) -> DecodeResult:
        """Decode and write the images of one task; one that cannot be is a reason in the result."""
        files: list[_Written] = []
        failed: list[tuple[str, str]] = []
        for batch in self._batches(self._rows(task, failed)):
            images = self._decode([row for _, row in batch])
            outcomes = [
                self._writers.submit(self._write, row, image, wanted)
                for (wanted, row), image in zip(batch, images, strict=True)
            ]
            for (wanted, _), outcome in zip(batch, outcomes, strict=True):
                file = outcome.result()
                if isinstance(file, str):
                    failed.append((wanted.key, file))
                else:
                    files.append(file)
        return DecodeResult(
            written=len(files),
            written_bytes=sum(file.size for file in files),
            pixels=sum(file.pixels for file in files),
            failed=tuple(failed),
            renamed=tuple((file.key, file.renamed) for file in files if file.renamed is not None),
            otherwise=tuple((file.key, file.otherwise) for file in files if file.otherwise is not None),
        )

    def close(self) -> None:
        """End the threads that write."""
        self._writers.shutdown()

    def _rows(
        self, task: DecodeTask, failed: list[tuple[str, str]]
    ) -> Iterator[tuple[WantedImage, ShardRow]]:
        """Those that can be had; the reasons of the others go into `failed`."""
        found = read_rows(self._archive, [image.row for image in task.images])
        for wanted, (_, row) in zip(task.images, found, strict=True):
            if isinstance(row, str):
                failed.append((wanted.key, row))
            else:
                yield wanted, row

    def _batches(
        self, rows: Iterator[tuple[WantedImage, ShardRow]]
    ) -> Iterator[list[tuple[WantedImage, ShardRow]]]:
        batch: list[tuple[WantedImage, ShardRow]] = []
        pixels = 0
        for wanted, row in rows:
            row_pixels = (row.width or 0) * (row.height or 0)
            if batch and pixels + row_pixels > self._batch_pixels:
                yield batch
                batch, pixels = [], 0
            batch.append((wanted, row))
            pixels += row_pixels
        if batch:
            yield batch

    def _decode(self, rows: Sequence[ShardRow]) -> list[Image | str | None]:
        """The image of each row that has pixels, None for the others, or the reason why there is none.

        Raises:
            StorageError: the archive does not answer, whatever the image.
        """
        try:
            images = iter(self._decoder.decode([row for row in rows if row.status in WITH_PIXELS]))
            return [next(images) if row.status in WITH_PIXELS else None for row in rows]
        except StorageError:
            raise
        except (TenfoldError, CodecError) as error:
            if len(rows) == 1:
                return [str(error)]
            return [outcome for row in rows for outcome in self._decode([row])]

    def _write(self, row: ShardRow, image: Image | str | None, wanted: WantedImage) -> _Written | str:
        """Write one file; or the reason why there is none.

        Raises:
            StorageError: nothing can be written any more, whatever the image.
        """
        if isinstance(image, str):
            return image
        try:
            delivery = deliver(row, image, self._form, strict=False)
            place = wanted.place(delivery.fmt)
            path = put_file(self._destination, place, delivery.data, self._limits)
        except (StorageError, FileNotFoundError) as error:
            if isinstance(error, StoreDownError):
                raise
            self._destination.check_writable()
            return str(error)
        except TenfoldError as error:
            return str(error)
        is_own_name = path == place.asked and has_text_name(row.source_url)
        return _Written(
            key=row.key,
            size=len(delivery.data),
            pixels=(row.width or 0) * (row.height or 0),
            renamed=None if is_own_name else path,
            otherwise=delivery.otherwise,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Written:
    """One file."""

    key: str
    size: int
    """In bytes."""
    pixels: int
    renamed: str | None
    """Its path, where that is not what was asked for, or the image came under a name whose bytes are no text."""
    otherwise: str | None
    """Why its format is another one than was asked for."""
