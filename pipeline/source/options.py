"""Which of the files that a source holds are taken: what `source:` of a config and the options of `compress` say."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from pipeline.globs import key_matcher


class SourceOptions(BaseModel):
    """What is taken of a source. Recorded with a run, so that the same command gives the same list."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    include: tuple[str, ...] = ()
    """Globs over keys: only what matches one is taken. None: everything."""
    exclude: tuple[str, ...] = ()
    """Globs over keys: what matches one is left out, also where `include` takes it."""
    inventory: str | None = None
    """Path or URL of a table of everything below the source: an S3 Inventory's manifest.json, a Parquet or CSV file. It
    is read instead of asking the store for its names, and what it does not name is gone. None: the store is asked."""
    limit: int | None = Field(default=None, ge=1)
    """So many images, the first of the listing: for trying things."""
    sniff: bool = False
    """Whether a file that is not named like an image is taken if its first bytes are those of one."""
    others: Literal["keep", "skip"] = "skip"
    """What becomes of files that are no images: stored byte for byte, or counted and left out."""
    tars: bool | None = None
    """Whether tars are opened, and their members taken. None: those that the source names, alone or by a glob, and not
    those of a folder or list."""

    @field_validator("include", "exclude", mode="before")
    @classmethod
    def _globs(cls, given: object) -> object:
        """One glob may stand without brackets; a wrong one is told of here, before any work."""
        globs = [given] if isinstance(given, str) else given
        if isinstance(globs, list | tuple):
            for glob in globs:
                if isinstance(glob, str):
                    key_matcher(glob)
        return globs
