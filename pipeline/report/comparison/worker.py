"""The worker of the comparison: one image, read again from its source, against what else could have stored it.

Plain Python; Ray only wraps it (ray_pool.py). Whatever is wrong with an image is in its result.
"""

from __future__ import annotations

from codec.bench.judges.kernel_distance import LITE0_NAME, Windows, windows_of
from codec.bench.lossless import Original
from codec.contract import FAITHFUL
from codec.metrics import ms_ssim, psnr_db, ssim
from pipeline.archive.range_reads import read_row
from pipeline.decode.row_decoder import RowDecoder
from pipeline.errors import StorageError
from pipeline.image.read import ReadLimits, to_rgb
from pipeline.packing.file_of import file_of
from pipeline.report.comparison.cache import ComparisonCache
from pipeline.report.comparison.crops import picture
from pipeline.report.comparison.judging import reported_judges
from pipeline.report.comparison.methods import (
    PICTURES,
    Curve,
    Fidelity,
    Method,
    Result,
    Score,
    Size,
    baseline_of,
    lossless_of,
    subject_of,
)
from pipeline.report.comparison.tasks import CompareResult, CompareTask
from pipeline.source.original import original_of
from pipeline.source.source import Source
from pipeline.store.storage import Storage
from pipeline.types import WITH_PIXELS, Image, ShardRow
from pipeline.workers.pool import Worker
from pipeline.workers.torch_failures import OUT_OF_MEMORY


class CompareWorker(Worker[CompareTask, CompareResult]):
    """Holds the codecs it has met."""

    def __init__(self, archive: Storage, source: Source, *, limits: ReadLimits) -> None:
        """Take the archive, and what reads source files."""
        self._archive = archive
        self._source = source
        self._limits = limits
        self._decoder = RowDecoder(archive, device="cpu")  # as are the codecs it is compared with
        self._comparisons = ComparisonCache(archive)

    def run(self, task: CompareTask) -> CompareResult:
        """Measure one image; what was measured is in the archive's cache afterwards, if it takes any."""
        try:
            row = read_row(self._archive, task.row)
            decoded = self._decoder.decode([row])[0] if row.status == "coded" else None
            file = file_of(row) if row.status not in WITH_PIXELS else None
        except OUT_OF_MEMORY:
            raise
        except Exception as error:  # noqa: BLE001  the row boundary: one image never stops a report
            return CompareResult(absent=f"the archive does not give it back: {error}")
        original = self._original(row, file)
        if isinstance(original, str):
            results: dict[str, Result] = {}
            if decoded is not None and any(one.id == PICTURES for one in task.wanted):
                results[PICTURES] = picture(None, to_rgb(decoded), orientation=decoded.orientation)
            return CompareResult(absent=original, results=results)
        file, image = original
        return self._measured(task, row, Original(pixels=image.pixels, file=file), decoded)

    def _original(self, row: ShardRow, file: bytes | None) -> tuple[bytes, Image] | str:
        """The source file and its pixels, where it still is the one; of a kept image, what the archive holds."""
        read = self._source.read if file is None or row.status != "kept" else lambda _: file
        return original_of(row, read, limits=self._limits)

    def _measured(
        self, task: CompareTask, row: ShardRow, original: Original, decoded: Image | None
    ) -> CompareResult:
        results: dict[str, Result] = {}
        refused: dict[str, str] = {}
        shown = {FAITHFUL: decoded}
        for one in task.wanted:
            try:
                if one.decoder not in shown:
                    shown[one.decoder] = self._decoder.decode([row], decoder=one.decoder)[0]
                results[one.id] = _measure(one, original, shown[one.decoder], windows=task.windows)
            except OUT_OF_MEMORY:
                raise  # the task is halved until what needs so much is alone
            except Exception as error:  # noqa: BLE001  the row boundary: encoders raise nearly everything
                refused[one.id] = str(error) or type(error).__name__
        not_cached = None
        try:
            self._comparisons.store(subject_of(task.row), _of_the_image(results), task.wanted)
        except StorageError as error:
            not_cached = str(error)
        return CompareResult(results=results, refused=refused, not_cached=not_cached)


def _of_the_image(results: dict[str, Result]) -> dict[str, Result]:
    """Without what is only a part of what a set will say."""
    return {name: result for name, result in results.items() if not isinstance(result, Windows)}


def _measure(one: Method, original: Original, decoded: Image | None, *, windows: int) -> Result:
    if one.kind == "lossless":
        return Size(num_bytes=lossless_of(one.id).size(original))
    if one.kind == "lossy":
        return Curve(samples=tuple(baseline_of(one.id).measure(original.rgb)))
    if decoded is None:
        raise AssertionError(one)  # our measures are asked of coded images alone
    if one.kind == "set":
        return windows_of(LITE0_NAME, original.rgb, to_rgb(decoded), most=windows)
    if (judge := reported_judges().get(one.measure)) is not None and judge.of_pair is not None:
        return Score(value=judge.of_pair(original.rgb, to_rgb(decoded)))
    if one.id == PICTURES:
        return picture(original.rgb, to_rgb(decoded), orientation=decoded.orientation)
    exact = psnr_db(original.pixels, decoded.pixels)
    return Fidelity(
        psnr_db=None if exact == float("inf") else exact,
        ssim=ssim(original.pixels, decoded.pixels),
        ms_ssim=ms_ssim(original.pixels, decoded.pixels),
    )
