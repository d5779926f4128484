"""`Archive`: images back by key with all they came with, in as few requests as promised, or a clear error."""

from __future__ import annotations

import io
import pickle
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest

import pipeline
import pipeline.decode.resident_codecs
from codec.contract import EncodeOptions
from codec.errors import UnknownCodecError
from codec.registry import load_codec
from pipeline.bench.counting_proxy import CountingProxy, Traffic
from pipeline.decode.archive import Archive
from pipeline.decode.row_decoder import RowDecoder
from pipeline.errors import (
    ArchiveError,
    ConfigError,
    DamagedError,
    NoArchiveError,
    RestoreError,
    UnknownKeyError,
)
from pipeline.image.read import read_image
from pipeline.store.storage import Storage
from pipeline.types import Image, ShardRow
from tests.support.image_archives import coded, fill, kept
from tests.support.image_files import EXIF, ICC, XMP, file_of, picture
from tests.support.plain_codec import PlainCodec, load_plain
from tests.support.road import tenfold
from tests.support.seaweed import S3Server
from tests.support.shard_rows import make_row


@pytest.fixture(autouse=True)
def _plain_codec(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline.decode.resident_codecs, "load_codec", load_plain)


class Requests:
    """Ranges read through `Storage`, from the moment it is made."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ranges: list[tuple[str, int, int]] = []
        read_range = Storage.read_range

        def counted(storage: Storage, path: str, offset: int, length: int) -> bytes:
            self.ranges.append((path, offset, length))
            return read_range(storage, path, offset, length)

        monkeypatch.setattr(Storage, "read_range", counted)


class TestGet:
    def test_colour(self, tmp_path: Path) -> None:
        original = picture()
        archive = Archive(fill(str(tmp_path), [coded("a.png", file_of(original))]))
        got = archive.get("a.png")
        assert got.mode == "RGB"
        assert got.tobytes() == original.tobytes()

    def test_grey_stays_grey(self, tmp_path: Path) -> None:
        original = picture("L")
        got = Archive(fill(str(tmp_path), [coded("a", file_of(original))])).get("a")
        assert got.mode == "L"
        assert got.tobytes() == original.tobytes()

    @pytest.mark.parametrize("mode", ["RGBA", "LA"])
    def test_alpha_comes_back(self, tmp_path: Path, mode: str) -> None:
        original = picture(mode)
        got = Archive(fill(str(tmp_path), [coded("a", file_of(original))])).get("a")
        assert got.mode == mode
        assert got.getchannel("A").tobytes() == original.getchannel("A").tobytes()

    def test_metadata_comes_back(self, tmp_path: Path) -> None:
        data = file_of(picture(), "JPEG", exif=EXIF, icc_profile=ICC, xmp=XMP)
        row = coded("a.jpg", data)
        assert (row.orientation, row.icc, row.xmp) == (6, ICC, XMP)
        archive = Archive(fill(str(tmp_path), [row]))
        got = archive.get("a.jpg")
        assert got.getexif()[0x010F] == "Maker"
        assert got.info["icc_profile"] == ICC
        assert got.info["xmp"] == XMP
        assert got.size == (40, 24)
        again = PIL.Image.open(io.BytesIO(file_of(got, "JPEG", exif=got.info["exif"])))
        assert again.getexif()[0x0112] == 6

    def test_a_kept_image_too_large_for_pillow(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        archive = Archive(fill(str(tmp_path), [kept("huge.png", file_of(PIL.Image.new("L", (50, 40))))]))
        monkeypatch.setattr(PIL.Image, "MAX_IMAGE_PIXELS", 500)
        with pytest.raises(ArchiveError, match=r"under key 'huge.png'.*`Archive\.file` gives the file"):
            archive.get("huge.png")

    def test_a_kept_image_is_its_original_file(self, tmp_path: Path) -> None:
        deep = file_of(PIL.Image.fromarray(np.arange(300, dtype=np.uint16).reshape(15, 20)))
        archive = Archive(fill(str(tmp_path), [kept("deep.png", deep)]))
        got = archive.get("deep.png")
        assert (got.format, got.mode) == ("PNG", "I;16")
        assert archive.read_payload("deep.png") == deep

    def test_a_kept_file_that_is_no_picture(self, tmp_path: Path) -> None:
        archive = Archive(fill(str(tmp_path), [kept("b.jpg", b"", "the file is empty", None)]))
        for access in (archive.get, archive.image, lambda key: archive.file(key, "png")):
            with pytest.raises(
                (ArchiveError, RestoreError), match=r"got .*original.*, kept .* the file is empty"
            ):
                access("b.jpg")
        said = [
            tenfold("get", tmp_path, "b.jpg", "-o", tmp_path.parent / name) for name in ("b.jpg", "b.png")
        ]
        assert [one.code for one in said] == [0, 1], "FILE has the key's own ending, or asks for a picture"
        assert (tmp_path.parent / "b.jpg").read_bytes() == b""

    def test_a_failed_image_says_why(self, tmp_path: Path) -> None:
        archive = Archive(fill(str(tmp_path), [make_row("bad.jpg", None, reason="truncated JPEG")]))
        for access in (archive.get, archive.image, archive.file, archive.latents, archive.read_payload):
            with pytest.raises(ArchiveError, match=r"'bad.jpg'.*failed: truncated JPEG"):
                access("bad.jpg")

    def test_no_archive(self, tmp_path: Path) -> None:
        with pytest.raises(NoArchiveError, match="Expected a Tenfold archive"):
            Archive(str(tmp_path)).get("a")

    def test_codec_that_is_not_here(self, tmp_path: Path) -> None:
        archive = Archive(fill(str(tmp_path), [coded("a", file_of(picture()), codec="other-1")]))
        with pytest.raises(UnknownCodecError, match="other-1"):
            archive.get("a")


class TestUnknownKey:
    @pytest.fixture
    def archive(self, tmp_path: Path) -> Archive:
        keys = ["holiday/beach 1.jpg", "holiday/beach 2.jpg", "work/plan.png", "日本/写真.jpg"]
        return Archive(fill(str(tmp_path), [make_row(key) for key in keys]))

    @pytest.mark.parametrize(
        ("key", "nearest"),
        [
            ("holiday/beach1.jpg", "holiday/beach 1.jpg"),
            ("plan.png", "work/plan.png"),
            ("日本/写真.png", "日本/写真.jpg"),
        ],
        ids=["a typo", "no folder", "another extension"],
    )
    def test_the_nearest_keys_are_named(self, archive: Archive, key: str, nearest: str) -> None:
        message = re.escape(f"got {key!r}; the nearest: ")
        with pytest.raises(UnknownKeyError, match=message) as caught:
            archive.get(key)
        assert repr(nearest) in str(caught.value)
        assert "`tenfold ls " in str(caught.value)

    @pytest.mark.parametrize("key", ["zzzzzzzzzz", "", "%_'\\"])
    def test_nothing_is_near(self, archive: Archive, key: str) -> None:
        with pytest.raises(UnknownKeyError, match="; `tenfold ls "):
            archive.get(key)

    def test_it_is_a_key_error(self, archive: Archive) -> None:
        with pytest.raises(KeyError, match="got 'none'"):
            archive.get("none")


class TestOtherForms:
    def test_image_has_pixels_and_metadata(self, tmp_path: Path) -> None:
        data = file_of(picture(), "JPEG", icc_profile=ICC)
        archive = Archive(
            fill(str(tmp_path), [coded("coded", data), kept("kept", data, "not smaller", "JPEG")])
        )
        original = read_image(data)
        assert isinstance(original, Image)
        for key in ("coded", "kept"):
            image = archive.image(key)
            assert np.array_equal(image.pixels, original.pixels)
            assert (image.icc, image.source_format) == (ICC, "JPEG")

    def test_image_of_samples_not_modelled(self, tmp_path: Path) -> None:
        deep = file_of(PIL.Image.fromarray(np.zeros((4, 4), dtype=np.uint16)))
        archive = Archive(fill(str(tmp_path), [kept("deep", deep)]))
        with pytest.raises(ArchiveError, match=r"kept because of 16-bit samples.*`Archive\.get` opens it"):
            archive.image("deep")

    def test_file(self, tmp_path: Path) -> None:
        original = picture()
        deep = file_of(PIL.Image.fromarray(np.zeros((4, 4), dtype=np.uint16)))
        archive = Archive(fill(str(tmp_path), [coded("a", file_of(original)), kept("deep", deep)]))
        png, webp = archive.file("a"), archive.file("a", "webp")
        assert PIL.Image.open(io.BytesIO(png.data)).tobytes() == original.tobytes()
        assert PIL.Image.open(io.BytesIO(webp.data)).format == "WEBP"
        assert archive.file("deep").data == deep
        with pytest.raises(RestoreError, match="'deep'"):
            archive.file("deep", "jpeg")

    def test_latents(self, tmp_path: Path) -> None:
        original = picture()
        data = file_of(original)
        archive = Archive(fill(str(tmp_path), [coded("a", data), kept("k", data, "not smaller")]))
        assert np.array_equal(archive.latents("a"), np.asarray(original).transpose(2, 0, 1))
        with pytest.raises(ArchiveError, match="Only coded images have latents"):
            archive.latents("k")

    def test_the_names_of_the_package(self) -> None:
        assert pipeline.Archive is Archive
        with pytest.raises(AttributeError, match="no attribute 'Archives'"):
            _ = pipeline.Archives


class TestAsCollection:
    KEYS = ("a/1.jpg", "a/2.jpg", "b/1.png", "b/[x].png", "it's 100%_\\.jpg", "日本.jpg")

    @pytest.fixture
    def archive(self, tmp_path: Path) -> Archive:
        return Archive(fill(str(tmp_path), [make_row(key) for key in self.KEYS]))

    def test_length_iteration_and_membership(self, archive: Archive) -> None:
        assert len(archive) == 6
        assert list(archive) == list(archive.keys()) == sorted(self.KEYS)
        assert all(key in archive for key in self.KEYS)
        assert "a/3.jpg" not in archive
        assert 3 not in archive

    @pytest.mark.parametrize(
        ("prefix", "glob", "keys"),
        [
            ("a/", None, ["a/1.jpg", "a/2.jpg"]),
            ("", "*.png", ["b/1.png", "b/[x].png"]),
            ("b/", "*1*", ["b/1.png"]),
            ("", "*/*.jpg", ["a/1.jpg", "a/2.jpg"]),
            ("", "**/*.jpg", ["a/1.jpg", "a/2.jpg", "it's 100%_\\.jpg", "日本.jpg"]),
            ("", "[ab]*", ["a/1.jpg", "a/2.jpg", "b/1.png", "b/[x].png"]),
            ("it's 100%_\\", None, ["it's 100%_\\.jpg"]),
            ("日", None, ["日本.jpg"]),
            ("A/", None, []),
        ],
        ids=[
            "prefix",
            "glob",
            "both",
            "one folder",
            "any folder",
            "no slash",
            "odd characters",
            "unicode",
            "case matters",
        ],
    )
    def test_some_of_the_keys(self, archive: Archive, prefix: str, glob: str | None, keys: list[str]) -> None:
        assert list(archive.keys(prefix, glob=glob)) == keys

    def test_rows_and_table(self, archive: Archive) -> None:
        assert sorted(row.key for row in archive.rows()) == sorted(self.KEYS)
        assert [row.key for row in archive.rows("key LIKE 'b/1%'")] == ["b/1.png"]
        table = archive.table(["status", "key"], where="key < 'b'")
        assert table.to_pydict() == {"status": ["coded"] * 2, "key": ["a/1.jpg", "a/2.jpg"]}
        assert archive.table().num_rows == 6

    def test_refresh_sees_what_was_added(self, archive: Archive, tmp_path: Path) -> None:
        assert "new" not in archive
        fill(str(tmp_path), [make_row("new")], number=1)
        assert "new" not in archive
        assert len(archive) == 6
        archive.refresh()
        assert "new" in archive
        assert len(archive) == 7

    def test_pickled_and_shared_by_threads(self, tmp_path: Path) -> None:
        pictures = {f"{n}.png": picture(seed=n) for n in range(12)}
        url = fill(str(tmp_path), [coded(key, file_of(image)) for key, image in pictures.items()])
        archive: Archive = pickle.loads(pickle.dumps(Archive(url)))
        with ThreadPoolExecutor(4) as pool:
            got = dict(zip(pictures, pool.map(archive.get, pictures), strict=True))
        assert all(got[key].tobytes() == image.tobytes() for key, image in pictures.items())


class TestRequests:
    def test_one_range_read_of_exactly_the_payload(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        archive = Archive(fill(str(tmp_path), [coded(f"{n}", file_of(picture(seed=n))) for n in range(5)]))
        requests = Requests(monkeypatch)
        for key in ("3", "1", "3"):
            archive.get(key)
        rows = {row.key: row for row in archive.rows()}
        assert requests.ranges == [
            (rows[key].shard, rows[key].payload_offset, rows[key].payload_length) for key in ("3", "1", "3")
        ]

    def test_many_are_read_and_decoded_together(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        pictures = {f"{n}.png": picture(seed=n) for n in range(6)}
        rows = [coded(key, file_of(image)) for key, image in pictures.items()]
        fill(str(tmp_path), rows[:3])
        archive = Archive(fill(str(tmp_path), [*rows[3:], kept("kept.png", file_of(pictures["0.png"]))], 1))
        requests = Requests(monkeypatch)
        wanted = ["5.png", "0.png", "kept.png", "2.png", "0.png"]
        got = dict(archive.get_many(wanted))
        assert list(got) == ["0.png", "2.png", "5.png", "kept.png"]
        assert all(got[key].tobytes() == pictures.get(key, pictures["0.png"]).tobytes() for key in wanted)
        assert len(requests.ranges) == 2
        assert {key: image.size for key, image in archive.get_many(wanted, size=20)} == dict.fromkeys(
            wanted, (20, 12)
        )
        del requests.ranges[:]
        with pytest.raises(UnknownKeyError, match=r"got '7\.png'; the nearest: "):
            list(archive.read_many(["0.png", "7.png"]))
        assert requests.ranges == []


class TestDamage:
    def test_a_flipped_bit_is_named(self, tmp_path: Path) -> None:
        archive = Archive(fill(str(tmp_path), [coded("a/b.png", file_of(picture()))]))
        row = archive.row("a/b.png")
        data = bytearray((tmp_path / row.shard).read_bytes())
        data[(row.payload_offset or 0) + (row.payload_length or 0) // 2] ^= 4
        (tmp_path / row.shard).write_bytes(data)
        for access in (archive.get, archive.latents, archive.read_payload):
            with pytest.raises(DamagedError, match=rf"'a/b\.png'.*{row.shard} at byte {row.payload_offset}"):
                access("a/b.png")

    def test_other_latents_than_were_encoded(self, tmp_path: Path) -> None:
        archive = Archive(fill(str(tmp_path), [coded("a", file_of(picture()), symbols_crc32=5)]))
        with pytest.raises(DamagedError, match="Expected latents with CRC 5 for 'a'"):
            archive.get("a")

    def test_another_size_than_was_encoded(self, tmp_path: Path) -> None:
        archive = Archive(fill(str(tmp_path), [coded("a", file_of(picture()), width=39)]))
        with pytest.raises(DamagedError, match="Expected 39x24 pixels for 'a', got 40x24"):
            archive.get("a")


class TestRealCodec:
    def test_a_photo_comes_back_as_the_codec_decodes_it(
        self, tmp_path: Path, photos: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(pipeline.decode.resident_codecs, "load_codec", load_codec)
        codec = load_codec("ae-zfp-1", device="cpu")
        with PIL.Image.open(photos / "kodim23.png") as photo:
            crop = np.array(photo.crop((100, 60, 293, 197)))
        (encoded,) = codec.encode([crop], EncodeOptions(quality=30))
        (decoded,) = codec.decode([encoded.payload])
        row = make_row(
            "kodim23.png",
            encoded.payload,
            source_format="PNG",
            width=193,
            height=137,
            symbols_crc32=encoded.symbols_crc32,
            latent_shape=encoded.latent_shape,
        )
        archive = Archive(fill(str(tmp_path), [row]), device="cpu")
        assert np.array_equal(np.asarray(archive.get("kodim23.png")), decoded.pixels)
        assert archive.latents("kodim23.png").shape == archive.row("kodim23.png").latent_shape

    def test_the_first_bytes_show_what_they_say_and_no_more_is_read(
        self, tmp_path: Path, photos: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(pipeline.decode.resident_codecs, "load_codec", load_codec)
        codec = load_codec("hyper-1", device="cpu")
        with PIL.Image.open(photos / "kodim23.png") as photo:
            crop = np.array(photo.crop((100, 60, 164, 124)))
        (encoded,) = codec.encode([crop], EncodeOptions(quality=30))
        row = make_row(
            "kodim23.png",
            encoded.payload,
            codec="hyper-1",
            source_format="PNG",
            width=64,
            height=64,
            symbols_crc32=encoded.symbols_crc32,
            latent_shape=encoded.latent_shape,
        )
        archive = Archive(fill(str(tmp_path), [row, kept("b.png", file_of(picture()))]), device="cpu")
        requests = Requests(monkeypatch)
        half = len(encoded.payload) // 2
        shown = codec.decode_prefix(encoded.payload[:half]).pixels
        assert np.array_equal(np.asarray(archive.get("kodim23.png", first_bytes=half)), shown)
        assert [length for *_, length in requests.ranges] == [half]
        delivery = archive.file("kodim23.png", "png", first_bytes=10**9)
        assert delivery.description.endswith(f", from its first {len(encoded.payload):,} bytes")
        assert np.array_equal(read_image(delivery.data).pixels, codec.decode([encoded.payload])[0].pixels)  # type: ignore[union-attr]
        with pytest.raises(
            ArchiveError, match=r"Expected a coded image under key 'b\.png', got one that is kept"
        ):
            archive.get("b.png", first_bytes=100)
        with pytest.raises(
            ArchiveError, match=r"at least 30 first bytes of 'kodim23\.png', got 3: .* `--first-bytes 30`"
        ):
            archive.get("kodim23.png", first_bytes=3)
        with pytest.raises(ConfigError, match="Expected first_bytes of 1 or more, got -1"):
            archive.get("kodim23.png", first_bytes=-1)
        with pytest.raises(ConfigError, match="Expected first_bytes alone"):
            archive.get("kodim23.png", first_bytes=100, size=10)


class TestRowDecoder:
    def test_rows_of_several_codecs_keep_their_order(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        rows = [
            coded(f"{n}", file_of(picture(size=(n + 1, 5), seed=n)), codec=f"plain-{n % 2}") for n in range(6)
        ]
        loaded: list[str] = []

        def load(codec_id: str, **options: Any) -> PlainCodec:
            loaded.append(codec_id)
            return PlainCodec(codec_id)

        monkeypatch.setattr(pipeline.decode.resident_codecs, "load_codec", load)
        images = RowDecoder(Storage(str(tmp_path))).decode(rows)
        assert [image.width for image in images] == [1, 2, 3, 4, 5, 6]
        assert loaded == ["plain-0", "plain-1"]

    @pytest.mark.parametrize("row", [kept("k", b"x"), make_row("f", None)], ids=["kept", "failed"])
    def test_only_coded_rows(self, tmp_path: Path, row: ShardRow) -> None:
        with pytest.raises(ValueError, match="Expected coded rows"):
            RowDecoder(Storage(str(tmp_path))).decode([row])


class TestOnS3:
    def test_get_is_one_request_once_the_catalogue_is_known(
        self, s3_env: S3Server, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        url = f"s3://{s3_env.bucket()}/archive"
        rows = [coded(f"{n}.png", file_of(picture(seed=n))) for n in range(8)]
        rows.append(coded("exif.jpg", file_of(picture(), "JPEG", exif=EXIF, icc_profile=ICC)))
        fill(url, rows)
        proxy = CountingProxy(s3_env.endpoint)
        with proxy.serving() as endpoint:
            monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
            archive = Archive(url)
            archive.get("0.png")
            ranges, before = Requests(monkeypatch).ranges, proxy.traffic()
            assert archive.get("5.png").tobytes() == picture(seed=5).tobytes()
            row = archive.row("5.png")
            assert ranges == [(row.shard, row.payload_offset, row.payload_length)]
            assert proxy.traffic().since(before) == Traffic(
                by_verb={"GET": 1}, read_bytes=row.payload_length or 0
            )
            before = proxy.traffic()
            assert archive.get("exif.jpg").getexif()[0x010F] == "Maker"
            assert proxy.traffic().since(before).by_verb == {"GET": 3}  # payload, EXIF, ICC
