"""AVIF and HEIC: the picture is as it is stored; every other box and item is carried, or the file is kept."""

from __future__ import annotations

import io
import struct
from dataclasses import replace

import numpy as np
import PIL.Image
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL.AvifImagePlugin import AvifImageFile

from pipeline.image.formats.av1_colour import av1_colours
from pipeline.image.formats.exif_turn import with_orientation
from pipeline.image.formats.header import orientation_of
from pipeline.image.read import read_image
from pipeline.types import Image, Unmodelled
from tests.support.heif import (
    Coded,
    HeifRecipe,
    Part,
    auxiliary,
    av1,
    box,
    exif_part,
    full_box,
    hevc,
    nclx,
    size_box,
)
from tests.support.odd_images import XMP, exif_block, saved, texture

BOTH = pytest.mark.parametrize("coded", [av1(), hevc()], ids=["avif", "heic"])
ALPHA = b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha"


def read(recipe: HeifRecipe) -> Image:
    """Read a file that must be decoded, to the picture it has without any addition."""
    image, plain = read_image(recipe.file()), read_image(HeifRecipe(coded=recipe.coded).file())
    assert isinstance(image, Image), image
    assert isinstance(plain, Image)
    assert np.array_equal(image.pixels, plain.pixels)
    return image


@BOTH
def test_the_picture_is_read(coded: Coded) -> None:
    image = read(HeifRecipe(coded=coded))
    assert image.pixels.shape == (64, 64, 3)
    assert image.pixels.std() > 20
    assert (image.carried, image.exif, image.icc, image.xmp, image.orientation) == (
        (),
        None,
        None,
        None,
        None,
    )


@BOTH
def test_metadata_are_the_exact_bytes(coded: Coded) -> None:
    exif, xmp, icc = exif_block(3), XMP + b"\xff", b"a profile of no known kind"
    parts = [
        exif_part(exif),
        Part(kind=b"mime", data=xmp, reference=b"cdsc", content_type=b"application/rdf+xml"),
    ]
    recipe = HeifRecipe(
        coded=coded,
        parts=parts,
        properties=[(box(b"colr", b"prof" + icc), False), (box(b"irot", b"\x02"), True)],
    )
    image = read(recipe)
    assert (image.exif, image.xmp, image.icc, image.orientation, image.carried) == (exif, xmp, icc, 3, ())
    inside = replace(recipe, parts=[replace(part, in_meta=True) for part in parts])
    assert read(inside).exif == exif


@pytest.mark.parametrize("turn", range(2, 9))
def test_an_orientation_of_the_container_is_told_by_exif(turn: int) -> None:
    """Pillow writes the orientation into the container, and takes it out of the EXIF."""
    data = saved(texture(40, 56), "AVIF", speed=10, exif=exif_block(turn))
    image = read_image(data)
    assert isinstance(image, Image)
    assert image.orientation == turn
    assert image.pixels.shape == (40, 56, 3)
    assert np.array_equal(image.pixels, np.asarray(AvifImageFile(io.BytesIO(data))))
    original = next(part.data for part in image.carried if part.kind == "Exif")
    assert exif_block(None)[8:] in original
    exif = PIL.Image.Exif()
    exif.load(image.exif or b"")
    assert (exif[0x0112], exif.get_ifd(0x8769)[0x927C]) == (turn, b"maker note\x00\x01\x02")


def test_heic_is_not_turned() -> None:
    for body, turn in ((b"\x01", 8), (b"\x03", 6)):
        image = read(HeifRecipe(coded=hevc(), properties=[(box(b"irot", body), True)]))
        assert (image.orientation, orientation_of(image.exif)) == (turn, turn)
    assert read(HeifRecipe(coded=hevc(), properties=[(box(b"imir", b"\x01"), True)])).orientation == 2


def test_exif_that_is_told_an_orientation_keeps_its_values_where_they_are() -> None:
    exif = exif_block(None)
    turned = with_orientation(exif, 5)
    assert turned is not None
    assert turned[8 : len(exif)] == exif[8:]
    assert orientation_of(turned) == 5
    assert orientation_of(with_orientation(exif_block(3), 8)) == 8
    assert orientation_of(with_orientation(None, 7)) == 7
    assert with_orientation(b"no TIFF at all", 7) is None


@BOTH
def test_what_the_decoder_passes_over_is_carried(coded: Coded) -> None:
    recipe = HeifRecipe(
        coded=coded,
        before=box(b"uuid", b"0123456789abcdef" + b"a box of its own") + box(b"free", b"not so free"),
        gap=b"between items",
        trailer=b"SEFH\x00\x00\x00\x01 a phone's trailer SEFT",
    )
    assert [(part.kind, part.data) for part in read(recipe).carried] == [
        ("uuid", b"0123456789abcdefa box of its own"),
        ("free", b"not so free"),
        ("unreferenced", b"between items"),
        ("trailer", recipe.trailer),
    ]
    assert read(HeifRecipe(coded=coded, trailer=box(b"mpvd", b"a film"))).carried[0].data == b"a film"


@BOTH
def test_items_and_properties_of_no_picture_are_carried_with_their_tables(coded: Coded) -> None:
    thumbnail = Part(
        kind=coded.kind,
        data=coded.data + b"small",
        reference=b"thmb",
        properties=[size_box(), coded.configuration],
    )
    note = Part(kind=b"mime", data=b"{'a': 'note'}", content_type=b"application/json")
    shape = box(b"pasp", struct.pack(">II", 2, 1))
    light = box(b"clli", struct.pack(">HH", 1000, 400))
    recipe = HeifRecipe(
        coded=coded,
        parts=[thumbnail, note],
        properties=[(shape, False), (light, False)],
        meta_boxes=[full_box(b"xml ", b"<x/>")],
    )
    parts = {part.kind: part.data for part in read(recipe).carried}
    assert parts["thmb"] == thumbnail.data
    assert parts["mime"] == note.data
    assert all(piece in parts["meta"] for piece in (shape, light, b"<x/>", b"application/json"))


KEPT = {
    "crop": ({"properties": [(box(b"clap", struct.pack(">8I", 60, 1, 60, 1, 0, 1, 0, 1)), True)]}, "clap"),
    "unknown-essential": ({"properties": [(box(b"film", b"x"), True)]}, "'film'"),
    "layers": ({"properties": [(box(b"a1op", b"\x00"), True)]}, "layers"),
    "mirror-first": (
        {"properties": [(box(b"imir", b"\x00"), True), (box(b"irot", b"\x01"), True)]},
        "order of turns",
    ),
    "hdr": ({"properties": [(nclx(9, 16, 9), False)]}, "CICP"),
    "two-profiles": (
        {"properties": [(box(b"colr", b"prof" + b"one"), False), (box(b"colr", b"rICC" + b"two"), False)]},
        "profiles",
    ),
    "gain-map-brand": ({"brands": [b"tmap"]}, "gain map"),
    "gain-map-item": ({"parts": [Part(kind=b"tmap", data=b"map")]}, "gain map"),
    "unknown-item": ({"parts": [Part(kind=b"wave", data=b"sound")]}, "'wave'"),
    "unknown-reference": (
        {"parts": [Part(kind=b"mime", data=b"a", content_type=b"b", reference=b"base")]},
        "'base'",
    ),
    "premultiplied": ({"reference": (b"prem", 2)}, "premultiplied"),
    "movie": ({"before": box(b"moov", b"")}, "sequence"),
    "two-metas": ({"before": full_box(b"meta", b"")}, "two boxes"),
    "groups": ({"meta_boxes": [box(b"grpl", full_box(b"altr", struct.pack(">4I", 9, 2, 1, 2)))]}, "groups"),
}


@BOTH
@pytest.mark.parametrize("name", KEPT)
def test_what_the_codec_does_not_model_is_kept(coded: Coded, name: str) -> None:
    changes, reason = KEPT[name]
    content = read_image(replace(HeifRecipe(coded=coded), **changes).file())  # type: ignore[arg-type]
    assert isinstance(content, Unmodelled), content
    is_cut = name == "crop" and coded.kind == b"hvc1"  # by its decoder
    assert (content.fault, content.width) == (None, 60 if is_cut else 64)
    assert reason in content.reason


@BOTH
def test_other_pictures_are_kept(coded: Coded) -> None:
    second = Part(kind=coded.kind, data=coded.data, properties=[size_box(), coded.configuration])
    for part, reason in (
        (second, "another item"),
        (auxiliary(coded, b"urn:mpeg:hevc:2015:auxid:2"), "auxiliary picture"),
        (auxiliary(coded, b"urn:com:apple:photo:2020:aux:hdrgainmap"), "gain map"),
    ):
        content = read_image(HeifRecipe(coded=coded, parts=[part]).file())
        assert isinstance(content, Unmodelled)
        assert reason in content.reason
    wide = auxiliary(coded, ALPHA)
    content = read_image(HeifRecipe(coded=coded, parts=[wide, wide]).file())
    assert isinstance(content, Unmodelled)
    assert "several alpha planes" in content.reason


def test_deep_and_foreign_pictures_are_kept() -> None:
    deep = bytearray(hevc().configuration)
    deep[8 + 17] |= 2
    for coded, reason in (
        (replace(hevc(), configuration=bytes(deep)), "10-bit samples"),
        (replace(av1(), brand=b"heic"), "'av01'"),
        (replace(hevc(), kind=b"unci"), "'unci'"),
    ):
        content = read_image(HeifRecipe(coded=coded).file())
        assert isinstance(content, Unmodelled)
        assert (content.fault, reason in content.reason) == (None, True), content.reason


def _as_hdr(coded: Coded) -> Coded:
    """The same picture whose sequence header tells BT.2020 and PQ."""
    bits = f"{int.from_bytes(coded.data, 'big'):0{8 * len(coded.data)}b}"
    changed = bits.replace(f"{1:08b}{13:08b}", f"{9:08b}{16:08b}", 1)
    assert changed != bits
    return replace(coded, data=int(changed, 2).to_bytes(len(coded.data), "big"))


def test_where_no_box_tells_the_colours_the_codestream_does() -> None:
    silent = [(nclx(2, 2, 2), False)]
    read(HeifRecipe(coded=av1(), properties=silent))
    read(HeifRecipe(coded=hevc(), properties=[(box(b"colr", b"prof" + b"a profile"), False)]))
    for coded, reason in ((_as_hdr(av1()), "primaries 9, transfer 16"), (hevc(), "only its codestream")):
        content = read_image(HeifRecipe(coded=coded, properties=silent).file())
        assert isinstance(content, Unmodelled)
        assert reason in content.reason
    sequence = saved(
        PIL.Image.fromarray(texture(48, 64)),
        "AVIF",
        speed=10,
        save_all=True,
        append_images=[PIL.Image.fromarray(texture(48, 64, seed=2))],
    )
    assert av1_colours(sequence[sequence.rindex(b"mdat") + 4 :]) == (1, 13)


def test_a_small_picture_in_one_box_and_a_sequence_without_items_are_kept() -> None:
    for body, reason in ((box(b"mini", bytes(40)), "`mini`"), (box(b"moov", b""), "sequence")):
        content = read_image(box(b"ftyp", b"avif\x00\x00\x00\x00avif") + body)
        assert isinstance(content, Unmodelled)
        assert (content.fault, content.width, reason in content.reason) == (None, None, True)


@BOTH
def test_a_cut_file_is_damaged(coded: Coded) -> None:
    data = HeifRecipe(coded=coded).file()
    for length in (60, len(data) - 30):
        content = read_image(data[:length])
        assert isinstance(content, Unmodelled)
        assert content.fault == "damaged"


_KINDS = st.sampled_from([b"free", b"skip", b"jumb", b"SEFD", b"xml ", b"abcd"])


@settings(max_examples=40, deadline=None)
@given(
    top=st.lists(st.tuples(_KINDS, st.binary(max_size=40)), max_size=3),
    inner=st.lists(st.tuples(_KINDS, st.binary(max_size=40)), max_size=2),
    gap=st.binary(max_size=40),
    trailer=st.binary(max_size=40),
    items=st.lists(
        st.tuples(st.sampled_from([b"Exif", b"mime", b"uri ", b"abcd"]), st.binary(min_size=8, max_size=40)),
        max_size=3,
    ),
)
def test_what_is_put_in_is_found_or_the_file_is_kept(
    top: list[tuple[bytes, bytes]],
    inner: list[tuple[bytes, bytes]],
    gap: bytes,
    trailer: bytes,
    items: list[tuple[bytes, bytes]],
) -> None:
    recipe = HeifRecipe(
        coded=hevc(),
        before=b"".join(box(kind, body) for kind, body in top),
        meta_boxes=[box(kind, body) for kind, body in inner],
        gap=gap,
        trailer=trailer,
        parts=[
            Part(kind=kind, data=body, content_type=b"x" if kind == b"mime" else b"") for kind, body in items
        ],
    )
    content = read_image(recipe.file())
    if isinstance(content, Unmodelled):
        assert content.fault is None, content.reason
        return
    held = b"|".join([*(part.data for part in content.carried), b"\x00\x00\x00\x00" + (content.exif or b"")])
    for body in [gap, trailer, *(body for _, body in top + inner + items)]:
        assert body in held or not any(body)
