"""`tenfold search ARCHIVE`: which images look like another one, or have labels with some words."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from jobs.options import ArchiveUrl, AsJson, ConfigFile, key_of_file, read_config, usage
from jobs.terminal.exit_codes import clear_errors
from jobs.terminal.output import print_json, readable, say
from pipeline.decode.archive import Archive
from pipeline.search.run import Nearness, SearchResult, SeenAs, like, says, seen_of_file
from pipeline.search.run import search as search_archive
from pipeline.store.storage import Storage
from pipeline.words import counted


def search(
    archive: ArchiveUrl,
    words: Annotated[
        str | None, typer.Argument(metavar="[WORDS]", help="Words that labels have, such as `lighthouse`.")
    ] = None,
    *,
    like_key: Annotated[
        str | None,
        typer.Option(
            "--like", metavar="KEY", callback=key_of_file, help="Images that look like this one of ARCHIVE."
        ),
    ] = None,
    like_file: Annotated[
        Path | None,
        typer.Option(
            "--like-file",
            metavar="IMAGE",
            exists=True,
            dir_okay=False,
            help="Images that look like this file: it is encoded first.",
        ),
    ] = None,
    most: Annotated[int, typer.Option("-n", "--most", min=1, help="How many images to print.")] = 10,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Find the images of ARCHIVE that look like another one, or whose labels have WORDS.

    `tenfold label ARCHIVE` comes first: what it wrote is searched, and no image is decoded. Each line is a score, a key
    and the first label: of a picture the cosine between embeddings, of words how sure the labels are.

    Examples:

      tenfold search archive/ --like holiday/beach.jpg

      tenfold search archive/ --like-file sketch.png -n 20

      tenfold search archive/ lighthouse
    """
    with clear_errors():
        with usage():
            _check_one_of(words, like_key, like_file)
        settings = read_config(config)
        storage = Storage(archive, settings.storage)
        nearness, least = _nearness(storage, words, like_key, like_file)
        found = search_archive(storage, nearness, most=most, least=least, without=like_key)
        if as_json:
            print_json(asdict(found))
        else:
            _print(found)
        if found.unlabelled:
            say(
                f"{counted(found.unlabelled, 'image')} without labels, not searched; `tenfold label {archive}` labels "
                "those that are coded."
            )
        if found.by_another_head:
            say(
                f"{counted(found.by_another_head, 'image')} labelled by another head, whose embeddings cannot be "
                f"compared; `tenfold label {archive}` labels them anew."
            )


def _check_one_of(words: str | None, like_key: str | None, like_file: Path | None) -> None:
    given = [one for one in (words, like_key, like_file) if one is not None]
    if len(given) != 1:
        raise typer.BadParameter(f"expected one of WORDS, --like and --like-file; got {len(given) or 'none'}")


def _nearness(
    storage: Storage, words: str | None, like_key: str | None, like_file: Path | None
) -> tuple[Nearness, float]:
    """How near an image is, and what it must be nearer than."""
    if words is not None:
        return says(words), 0.0
    if like_key is not None:
        opened = Archive(storage.url, options=storage.options, device="cpu")
        return like(SeenAs(embedding_E=opened.embedding(like_key), head=opened.head(like_key))), -1.0
    assert like_file is not None
    return like(seen_of_file(like_file.read_bytes())), -1.0


def _print(found: SearchResult) -> None:
    for hit in found.hits:
        print(readable(f"{hit.score:6.3f}  {hit.key}  {hit.labels[0]}"))
    if not found.hits:
        say("Nothing was found.")
