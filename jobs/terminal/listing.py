"""What a listing found beside the images it gave, in words."""

from __future__ import annotations

from collections.abc import Iterator

from jobs.terminal.output import readable, say
from pipeline.source.notes import ListingNotes
from pipeline.words import counted

_SHOWN = 10


def listing_lines(notes: ListingNotes) -> Iterator[str]:
    """A line for each kind of thing that was not taken as an image of its own."""
    if notes.skipped:
        yield (
            f"Passed over, not being named like images: {counted(notes.skipped, 'file')}. "
            "`--others keep` stores them as they are, `--sniff` looks into them."
        )
    if notes.others:
        yield f"Taken though no images, to be stored as they are: {counted(notes.others, 'file')}."
    if notes.filtered:
        yield f"Left out by --include and --exclude: {counted(notes.filtered, 'file')}."
    if notes.limited:
        yield "The listing ended at --limit: the source has more."
    if notes.linked:
        yield f"Links to files that are listed under another name: {notes.linked:,}."
    if notes.replaced:
        yield f"Members of tars that a later one of the same name replaces: {notes.replaced:,}."
    if notes.special:
        yield f"Passed over, being pipes, sockets or devices: {notes.special:,}."
    if notes.dangling:
        yield f"Links that lead to nothing: {len(notes.dangling):,} ({_names(notes.dangling)})."


def tell_unlisted(notes: ListingNotes) -> None:
    """On stderr: folders and tars that were not, or not wholly, listed, and maps and texts that were not."""
    for place in notes.unlisted[:_SHOWN]:
        say(f"not seen whole: {readable(place.path) or 'the source'}: {readable(place.reason)}")
    if len(notes.unlisted) > _SHOWN:
        say(f"and {len(notes.unlisted) - _SHOWN:,} more folders or tars (--json names all).")
    if notes.maps_unlisted is not None:
        say(f"not known which importance maps changed: {readable(notes.maps_unlisted)}")
    if notes.texts_unlisted is not None:
        say(f"not known which texts changed: {readable(notes.texts_unlisted)}")


def _names(names: list[str]) -> str:
    shown = ", ".join(readable(name) for name in names[:_SHOWN])
    return shown if len(names) <= _SHOWN else f"{shown}, ..."
