"""What the tests of repair do to an archive, and how they look at it."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

from pipeline.archive.catalogue import Catalogue
from pipeline.compress.run import CompressRun
from pipeline.config import CodecConfig, CompressConfig, ShardConfig, WorkersConfig
from pipeline.decode.archive import Archive
from pipeline.repair.run import RepairRun
from pipeline.repair.summary import RepairSummary
from pipeline.source.parse import parse_source
from pipeline.store.storage import Storage
from pipeline.types import CatalogueRow
from pipeline.verify.run import VerifyRun, VerifySummary
from tests.support.image_archives import files, flip

KEYS = ["0.png", "1.png", "2.png", "3.jpg", "4.png", "5.png", "deep.png", "none.png"]


def config_with(**codec: Any) -> CompressConfig:
    return CompressConfig(
        codec=CodecConfig(**{"id": "plain-1", **codec}),
        shard=ShardConfig(max_images=3),
        workers=WorkersConfig(count=0),
    )


HERE = CompressConfig(workers=WorkersConfig(count=0))


def compress(source: Path, archive: Path, **codec: Any) -> str:
    return CompressRun(parse_source(str(source)), Storage(archive), config_with(**codec)).run().summary.run


def repair(archive: Path | str, *, dry_run: bool = False, config: CompressConfig = HERE) -> RepairSummary:
    return RepairRun(Storage(archive), config, dry_run=dry_run).run()


def look(archive: Path | str) -> VerifySummary:
    return VerifyRun(Storage(archive), HERE, level="decode").run()


def rows(archive: Path | str) -> dict[str, CatalogueRow]:
    return {row.key: row for row in Catalogue(Storage(archive)).lookup(KEYS)}


def payloads(archive: Path) -> dict[str, bytes | None]:
    """What the archive holds of every image, and nothing of where and when it was put there."""
    found = Archive(str(archive))
    return {
        key: None if row.status == "failed" else found.read(key).payload for key, row in rows(archive).items()
    }


def tree(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files(folder)
    }


def assert_sound(archive: Path | str) -> None:
    seen = look(archive)
    assert (seen.sound, seen.problems, seen.unsealed_versions) == (True, [], 0)


def drop_catalogue(archive: Path) -> None:
    shutil.rmtree(archive / "catalogue")


def drop_entry(archive: Path) -> None:
    (archive / "catalogue/_delta_log/00000000000000000001.json").unlink()


def drop_last_entry(archive: Path) -> None:
    max((archive / "catalogue/_delta_log").glob("*.json")).unlink()


def flip_entry(archive: Path) -> None:
    flip(archive / "catalogue/_delta_log/00000000000000000001.json", 300)


def flip_file(archive: Path) -> None:
    (path,) = (Storage(archive).url + "/" + name for name in Catalogue(Storage(archive)).files())
    flip(Path(path), 700)


def drop_file(archive: Path) -> None:
    (path,) = Catalogue(Storage(archive)).files()
    (archive / path).unlink()


def repeat_keys(archive: Path) -> None:
    """A log that adds the same rows a second time, as another tool would."""
    log = archive / "catalogue/_delta_log"
    last = max(log.glob("*.json"))
    number = int(last.stem) + 1
    adds = [line for line in last.read_text().splitlines() if "add" in json.loads(line)]
    add = json.loads(adds[0])
    again = archive / "catalogue" / "part-again.parquet"
    shutil.copy(archive / "catalogue" / add["add"]["path"], again)
    add["add"]["path"] = again.name
    (log / f"{number:020d}.json").write_text(json.dumps(add) + "\n")
