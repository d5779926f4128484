"""`tenfold plan`: look at a source before anything is written.

listing -> what it is made of, and what an archive has of it already
        -> a sample of what it has not, drawn by chance and really encoded -> what to expect of that
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from pipeline.compress.plan import CompressPlan
from pipeline.compress.run import CompressRun
from pipeline.config import CompressConfig
from pipeline.events import Listener, StepAdvanced, ignore
from pipeline.plan.composition import Composition, WatchedSource
from pipeline.plan.expectation import Expectation, expect
from pipeline.plan.measured_sample import encode_sample
from pipeline.sampling import DrawnRows, Sampling
from pipeline.source.notes import ListingNotes
from pipeline.source.source import Source
from pipeline.store.storage import Storage


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcePlan:
    """What `tenfold plan` tells."""

    composition: Composition
    listing: ListingNotes
    """What else the listing found."""
    compared: CompressPlan | None
    """What is new to the archive; None where none was named."""
    expectation: Expectation | None
    """None where no sample was asked for, or nothing is to be encoded."""


class PlanRun:
    """One look at a source. Use once; nothing is written but a temporary folder, which goes."""

    def __init__(
        self, source: Source, archive: Storage | None, config: CompressConfig, sampling: Sampling
    ) -> None:
        """Contact nothing yet.

        Args:
            archive: which the images would go to; need not exist. None: it is not known yet.
            config: what the run would be told.
        """
        self._composition = Composition()
        self._drawn = DrawnRows(sampling)
        self._source = WatchedSource(source.config, self._composition.offer)
        self._archive = archive
        self._config = config
        self._sampling = sampling

    def run(self, listen: Listener = ignore) -> SourcePlan:
        """Look at the source, and encode the sample.

        Raises:
            SourceError, StorageError, ConfigError, ArchiveError: as `CompressRun.plan` and `CompressRun.run`.
        """
        compared = self._listed(listen)
        return SourcePlan(
            composition=self._composition,
            listing=self._source.notes,
            compared=compared,
            expectation=self._expected(compared, listen),
        )

    def _listed(self, listen: Listener) -> CompressPlan | None:
        """List the source to its end, and hold it against the archive if there is one."""
        if self._archive is not None:
            return CompressRun(self._source, self._archive, self._config).plan(listen, show=self._draw)
        for batch in self._source.batches():
            self._draw(batch)
            listen(StepAdvanced(words="images listed", done=self._composition.total.images))
        return None

    def _expected(self, compared: CompressPlan | None, listen: Listener) -> Expectation | None:
        of = self._composition.total if compared is None else compared.to_encode
        drawn = self._drawn.rows()
        if drawn is None or not drawn.num_rows or not of.images:
            return None
        sample = encode_sample(drawn.sort_by("key"), self._source.config, self._archive, self._config, listen)
        return expect(sample, of, seed=self._sampling.seed)

    def _draw(self, batch: pa.RecordBatch) -> None:
        if len(batch):
            self._drawn.offer(pa.Table.from_batches([batch]))
