"""The catalogue's files, put in order where that pays: few, sorted, one beside the other, of one size.

What is written anew costs about 3 us and 110 bytes a row, once. What it saves is paid again and again: each look-up
opens every file that its key may lie in, and each opening of the table, each commit and each scan bears every file. So

    large     a file of several times the usual size goes: to change one row would be to write all of it
    deep      where more than `_DEEPEST` files lie over one another, the sparse ones become one
    small     small files side by side become one when there are more than `_MOST_SMALL` of them

A sparse file is merged only with such as have not much more to give than those that are merged anyway, so a row is
written again only when its part of the rows around it grows by half: some ten times in the life of an archive, however
many nights that has. A night with little news finds nothing to do.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Final

from deltalake.exceptions import CommitFailedError

from pipeline.archive.commits import ATTEMPTS, Author, publish_all
from pipeline.archive.data_files import DataFile, total_rows
from pipeline.archive.delta_table import DeltaCatalogueTable
from pipeline.archive.rewriting import groups_of_neighbours, rewritten, rows_per_file

_LARGE: Final = 4
"""Times the rows that a file should have."""
_DEEPEST: Final = 4
"""Files over one key. A look-up opens each of them."""
_MOST_SMALL: Final = 32


def compact(table: DeltaCatalogueTable, author: Author) -> int:
    """Put files in order where that pays, and return how many were.

    The rows stay what they are, so what others commit meanwhile does no harm; unless they write some of the same files
    anew, which leaves everything as it was. So does whoever kills this process: what it wrote is in no version, and
    goes with the next prune.
    """
    chosen = worth_merging(table.files())
    if not chosen:
        return 0
    names = {file.name for file in chosen}
    parts = rewritten(
        chosen,
        table.reader_of(chosen),
        others=[file for file in table.files() if file.name not in names],
        size=rows_per_file(total_rows(table.files())),
    )
    added = publish_all(table.storage, parts)
    for _ in range(ATTEMPTS):
        try:
            table.prepare(author.properties())
            table.replace(chosen, added, author.properties(), moves_rows=True)
        except CommitFailedError:
            table.refresh()
        else:
            return len(chosen)
        if not names <= {file.name for file in table.files()}:
            break
    return 0


def worth_merging(files: Sequence[DataFile]) -> list[DataFile]:
    """The files that it pays to write anew."""
    size = rows_per_file(total_rows(files))
    large = {file.name for file in files if file.rows > _LARGE * size}
    small = {file.name for file in _small_ones(files, size)}
    chosen = large | (small if len(small) > _MOST_SMALL else set())
    chosen |= {file.name for file in _deep_ones(files, chosen)}
    others = [file for file in files if file.name not in chosen]
    return [
        file
        for group in groups_of_neighbours((file for file in files if file.name in chosen), others)
        if len(group) > 1 or group[0].name in large
        for file in group
    ]


def _small_ones(files: Sequence[DataFile], size: int) -> Iterator[DataFile]:
    """Small files that have another small one beside them."""
    small = [file for file in files if 2 * file.rows < size]
    others = [file for file in files if 2 * file.rows >= size]
    for group in groups_of_neighbours(small, others):
        if len(group) > 1:
            yield from group


def _deep_ones(files: Sequence[DataFile], chosen: set[str]) -> Iterator[DataFile]:
    """Sparse files where too many lie over one another; the chosen ones there count as the one they will be."""
    ordered = sorted(files, key=lambda file: file.first)
    density = _densities(ordered)
    taken = set(chosen)
    overlapping: list[DataFile] = []
    for file in ordered:
        overlapping = [other for other in overlapping if other.last is None or other.last >= file.first]
        overlapping.append(file)
        loose = sorted(
            (other for other in overlapping if other.name not in taken), key=lambda other: density[other.name]
        )
        if len(loose) + (len(loose) < len(overlapping)) > _DEEPEST:
            for other in _sparse(loose, density):
                taken.add(other.name)
                yield other


def _sparse(files: Sequence[DataFile], density: dict[str, float]) -> Iterator[DataFile]:
    """The sparsest files, and each next one that has at most twice what those before it have together."""
    together = 0.0
    for number, file in enumerate(files):
        if number > 1 and density[file.name] > 2 * together:
            return
        together += density[file.name]
        yield file


def _densities(ordered: Sequence[DataFile]) -> dict[str, float]:
    """Name -> which part of the rows of files that begin in its range of keys a file holds itself."""
    starts = [file.first for file in ordered]
    until = [0, *accumulate(file.rows for file in ordered)]
    found: dict[str, float] = {}
    for file in ordered:
        stop = len(starts) if file.last is None else bisect_right(starts, file.last)
        found[file.name] = file.rows / max(1, until[stop] - until[bisect_left(starts, file.first)])
    return found
