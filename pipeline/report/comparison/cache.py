"""What the comparison has measured, kept in the archive: a second report over the same images is instant.

    comparisons/<sha256 of the source file>/<sha16>.json    a few numbers of one image, or of several; immutable

The name holds the hash of the content: a damaged object is one that is not there, and is measured again. Nothing else
in the archive needs the folder; removing it costs the time to measure.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from pipeline.archive.layout import comparison_path, comparisons_of, is_whole_comparison
from pipeline.errors import StorageError
from pipeline.report.comparison.methods import Method, Result, Subject, parse_result, result_json
from pipeline.store.storage import Storage


class ComparisonCache:
    """The cache of one archive. Safe to use from several threads and machines."""

    def __init__(self, archive: Storage) -> None:
        """Contact nothing yet."""
        self._archive = archive

    def load(self, subject: Subject | None, wanted: Iterable[Method]) -> dict[str, Result]:
        """What is known of a subject, by method's id: nothing of None, nor what cannot be read or understood."""
        if subject is None:
            return {}
        asked = {_key(one, subject): one.id for one in wanted}
        found: dict[str, Result] = {}
        for entry in self._entries(subject.sha256):
            try:
                method_id = asked.get(json.dumps(entry["identity"], sort_keys=True))
                if method_id is not None:
                    found[method_id] = parse_result(entry["result"])
            except (ValueError, KeyError, TypeError, AttributeError):
                continue
        return found

    def store(self, subject: Subject | None, results: Mapping[str, Result], among: Iterable[Method]) -> None:
        """Keep what was measured of a subject; of None nothing is kept.

        Raises:
            StorageError: the archive cannot be written.
        """
        if subject is None or not results:
            return
        by_id = {one.id: one for one in among}
        entries = [
            {
                "identity": by_id[name].identity(payload_crc32c=subject.payload_crc32c),
                "result": result_json(result),
            }
            for name, result in sorted(results.items())
        ]
        data = json.dumps({"entries": entries}, sort_keys=True, allow_nan=False).encode()
        self._archive.write(comparison_path(subject.sha256, data), data)

    def _entries(self, sha256: str) -> list[dict[str, Any]]:
        try:
            paths = [info.path for info in self._archive.list(comparisons_of(sha256))]
        except StorageError:
            return []
        return [entry for path in paths for entry in self._read(path)]

    def _read(self, path: str) -> list[dict[str, Any]]:
        try:
            data = self._archive.read(path)
            if not is_whole_comparison(path, data):
                return []
            entries = json.loads(data)["entries"]
        except (OSError, ValueError, KeyError, TypeError):  # gone, unreadable, or not ours
            return []
        return [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []


def _key(method: Method, subject: Subject) -> str:
    return json.dumps(method.identity(payload_crc32c=subject.payload_crc32c), sort_keys=True)
