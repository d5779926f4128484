"""Reads a table's log and some of its files with the readers of Arrow and of deltalake: run as a script, by trial.py.

FOLDER/table/_delta_log/    the log of one version, whole or from a checkpoint on
FOLDER/data/                those Parquet files of it that are to be read

Each thing is named before it is read, so that what kills this process is known. It imports nothing of Tenfold.
"""

from __future__ import annotations

import json
import resource
import shutil
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable, QueryBuilder

TABLE_FOLDER: Final = "table"
DATA_FOLDER: Final = "data"
BEGUN: Final = "begun"
DAMAGED: Final = "damaged"
SOUND: Final = "sound"
_LOG: Final = "_delta_log"
_SPARE_BYTES: Final = 16 << 30
"""Of addresses: a damaged length must not take the machine's memory."""


class DamageSeenError(Exception):
    """Something is not as any writer would leave it."""


def main(folder: Path) -> None:
    """Read everything, and print what was found."""
    _limit_process()
    try:
        _say(BEGUN, _LOG)
        table = DeltaTable(str(folder / TABLE_FOLDER))
        facts = pa.table(table.get_add_actions(flatten=True)).to_pylist()
        actions = {unquote(action["path"]): action for action in facts}
        _check_replay(folder / TABLE_FOLDER / _LOG, set(actions))
        data = folder / DATA_FOLDER
        for path in sorted(path for path in data.rglob("*") if path.is_file()):
            name = str(path.relative_to(data))
            if name in actions:
                _say(BEGUN, name)
                _check_file(table, path, actions[name])
    except BaseException as error:  # noqa: BLE001  a panic of Rust is no Exception
        _say(
            DAMAGED,
            str(error) if isinstance(error, DamageSeenError) else f"{type(error).__name__}: {error}"[:300],
        )
    else:
        _say(SOUND, "")


def _say(word: str, what: str) -> None:
    print(word, json.dumps(what), flush=True)


def _limit_process() -> None:
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_AS, (_SPARE_BYTES, _SPARE_BYTES))


def _check_replay(log: Path, files: set[str]) -> None:
    """Hold the files of the version against what its log does, one entry after the other."""
    checkpoints = sorted(log.glob("*.checkpoint*.parquet"))
    active: set[str] = set()
    start = -1
    if checkpoints:
        start = max(_number(path) for path in checkpoints)
        for path in checkpoints:
            if _number(path) == start:
                active |= _added_in_checkpoint(path)
    for path in sorted(log.glob("*.json")):
        if path.stem.isdecimal() and _number(path) > start:
            active = _after(active, [json.loads(line) for line in path.read_text().splitlines()], path.name)
    if active != files:
        raise DamageSeenError(
            f"entries that lead to other files than a reader finds: {sorted(active ^ files)[:3]}"
        )


def _number(path: Path) -> int:
    return int(path.name.partition(".")[0])


def _added_in_checkpoint(path: Path) -> set[str]:
    from pyarrow.parquet import read_table  # whoever loads this file for its words reads none

    column = read_table(path, columns=["add"])["add"]
    return {unquote(action["path"]) for action in column.to_pylist() if action is not None}


def _after(active: set[str], actions: list[dict[str, Any]], entry: str) -> set[str]:
    removed = {unquote(action["remove"]["path"]) for action in actions if "remove" in action}
    added = {unquote(action["add"]["path"]) for action in actions if "add" in action}
    if not removed <= active:
        raise DamageSeenError(f"{entry} removes what is not there: {sorted(removed - active)[0]}")
    if added & (active - removed):
        raise DamageSeenError(f"{entry} adds what is there: {sorted(added & active)[0]}")
    unknown = {name for action in actions for name in action} - _ACTIONS
    if unknown:
        raise DamageSeenError(f"{entry} does what no writer does: {sorted(unknown)[0]}")
    return (active - removed) | added


_ACTIONS: Final = {"add", "remove", "commitInfo", "metaData", "protocol", "txn", "cdc", "domainMetadata"}


def _check_file(table: DeltaTable, path: Path, action: dict[str, Any]) -> None:
    """Read one file twice over, and hold it against what the log says of it."""
    if path.stat().st_size != action["size_bytes"]:
        raise DamageSeenError(f"{path.stat().st_size:,} bytes where the log says {action['size_bytes']:,}")
    from pyarrow.parquet import ParquetFile  # as above

    with ParquetFile(path, page_checksum_verification=True) as file:
        rows = file.read()
    rows.validate(full=True)
    columns = {field.name for field in table.schema().fields}
    strange = [name for name in rows.column_names if name not in columns]
    if strange:
        raise DamageSeenError(f"a column that the table does not have: {strange[0]!r}")
    _check_statistics(rows, action)
    same = _read_by_rust(table, path, action)
    for name in rows.column_names:
        if not same[name].cast(rows[name].type).equals(rows[name]):
            raise DamageSeenError(f"values of {name} on which two readers differ")


def _check_statistics(rows: pa.Table, action: dict[str, Any]) -> None:
    """Statistics that claim too little would hide rows from a query."""
    count = action.get("num_records")
    if count is not None and count != rows.num_rows:
        raise DamageSeenError(f"{rows.num_rows:,} rows where the log says {count:,}")
    for name in rows.column_names:
        column = rows[name]
        nulls = action.get(f"null_count.{name}")
        if nulls is not None and nulls != column.null_count:
            raise DamageSeenError(f"{column.null_count:,} nulls in {name} where the log says {nulls:,}")
        low, high = action.get(f"min.{name}"), action.get(f"max.{name}")
        if (low is None and high is None) or column.null_count == len(column):
            continue
        extent = pc.min_max(
            column.cast(pa.string()) if pa.types.is_string_view(column.type) else column
        ).as_py()
        if (low is not None and low > extent["min"]) or (high is not None and high < extent["max"]):
            raise DamageSeenError(f"values of {name} beyond those that the log claims")


def _read_by_rust(table: DeltaTable, path: Path, action: dict[str, Any]) -> pa.Table:
    """The same file as the only one of a table."""
    log = path.parent / _LOG
    schema = table.schema().to_json()
    metadata = {"id": "0", "format": {"provider": "parquet", "options": {}}, "schemaString": schema}
    lines: list[dict[str, Any]] = [
        {"protocol": {"minReaderVersion": 1, "minWriterVersion": 2}},
        {"metaData": {**metadata, "partitionColumns": [], "configuration": {}, "createdTime": 0}},
        {
            "add": {
                "path": path.name,
                "partitionValues": {},
                "size": action["size_bytes"],
                "modificationTime": 0,
                "dataChange": True,
            }
        },
    ]
    log.mkdir()
    try:
        (log / f"{0:020d}.json").write_text("".join(json.dumps(line) + "\n" for line in lines))
        query = QueryBuilder().register("t", DeltaTable(str(path.parent)))
        # with more than one, row groups come in any order
        _read_all(query, "SET datafusion.execution.target_partitions = 1")
        return _read_all(query, "SELECT * FROM t")
    finally:
        shutil.rmtree(log)


def _read_all(query: QueryBuilder, sql: str) -> pa.Table:
    return pa.RecordBatchReader.from_stream(query.execute(sql)).read_all()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
