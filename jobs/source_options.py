"""The argument and options that say what of a source is taken."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

SourceUrl = Annotated[
    str,
    typer.Argument(
        metavar="SRC",
        help="A folder or prefix (photos/, s3://bucket/p), a glob (`photos/**/*.jpg`), a tar or a glob of tars "
        "(`shards/*.tar`), a list of paths or URLs (@list.txt), or a Parquet manifest with a `url` column.",
    ),
]
Include = Annotated[
    list[str] | None,
    typer.Option(
        "--include",
        metavar="GLOB",
        help="Take only files whose key matches; may be given several times. As for `ls`: a pattern with a `/`, as "
        "`'holiday/**/*.jpg'`, is matched folder by folder; one without, as `'*.jpg'`, against the whole key; one that "
        "ends in `/` is all below that folder.",
        show_default=False,
    ),
]
Exclude = Annotated[
    list[str] | None,
    typer.Option(
        "--exclude",
        metavar="GLOB",
        help="Leave out files whose key matches, also what --include takes: `--exclude '**/@eaDir/' "
        "--exclude '*.gif'`.",
        show_default=False,
    ),
]
Limit = Annotated[
    int | None,
    typer.Option(
        "--limit",
        metavar="N",
        min=1,
        help="Only the first N images of the listing: to try things before a long run. What is gone from the source "
        "cannot be told then.",
    ),
]
Inventory = Annotated[
    str | None,
    typer.Option(
        "--inventory",
        metavar="FILE",
        help="Read the names below SRC from FILE instead of asking the store: an S3 Inventory's manifest.json, or a "
        "Parquet or CSV file with url (or bucket and key), size, etag, mtime. It counts as complete: what it does not "
        "name is gone, unless it came later.",
    ),
]
Sniff = Annotated[
    bool | None,
    typer.Option(
        "--sniff/--no-sniff",
        help="Look into files that are not named like images, and take those that begin like one: IMG_0001, a.dat. One "
        "small read a file. Default: by name alone.",
        show_default=False,
    ),
]
Others = Annotated[
    Literal["keep", "skip"] | None,
    typer.Option(
        "--others",
        help="What becomes of files that are no images, such as XMP and AAE sidecars, videos, texts. skip (default): "
        "they are counted and left out. keep: they are stored byte for byte, so that the folder comes back whole.",
        show_default=False,
    ),
]
Tars = Annotated[
    bool | None,
    typer.Option(
        "--tars/--no-tars",
        help="Open the tars below SRC and take what is in them, under keys such as shard-000.tar/cat.jpg. A tar, or a "
        "glob of tars, that SRC names is opened unless told not to.",
        show_default=False,
    ),
]


def source_options(
    *,
    include: list[str] | None,
    exclude: list[str] | None,
    limit: int | None,
    sniff: bool | None,
    others: str | None,
    tars: bool | None,
    inventory: str | None = None,
) -> dict[str, object]:
    """What the options say of the source, by the names of `SourceOptions`; None for what was not given."""
    return {
        "include": include or None,
        "exclude": exclude or None,
        "limit": limit,
        "sniff": sniff,
        "others": others,
        "tars": tars,
        "inventory": inventory,
    }
