"""What a file is, by its first bytes: a format that is read here, or something else, in words for a person."""

from __future__ import annotations

from pipeline.errors import SourceError

_IMAGES: tuple[tuple[bytes, str], ...] = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"\xff\x4f\xff\x51", "JPEG2000"),
    (b"\x00\x00\x00\x0cjP  \r\n\x87\n", "JPEG2000"),
)
_BMP_HEADER_SIZES = (12, 16, 40, 52, 56, 64, 108, 124)

_CAMERA_RAW = "a camera raw file ({}): develop it to JPEG, PNG or TIFF first"
_UNREAD_IMAGE = "{}, which is not read here: convert it to JPEG, PNG, WebP or AVIF first"
_NO_IMAGE = "not an image: {}"

_OTHERS: tuple[tuple[bytes, str], ...] = (
    (b"II*\x00\x10\x00\x00\x00CR", _CAMERA_RAW.format("Canon CR2")),
    (b"IIRO", _CAMERA_RAW.format("Olympus ORF")),
    (b"IIRS", _CAMERA_RAW.format("Olympus ORF")),
    (b"MMOR", _CAMERA_RAW.format("Olympus ORF")),
    (b"IIU\x00", _CAMERA_RAW.format("Panasonic RW2")),
    (b"FUJIFILMCCD-RAW", _CAMERA_RAW.format("Fujifilm RAF")),
    (b"FOVb", _CAMERA_RAW.format("Sigma X3F")),
    (b"\x00MRM", _CAMERA_RAW.format("Minolta MRW")),
    (b"\xff\x0a", _UNREAD_IMAGE.format("a JPEG XL image")),
    (b"\x00\x00\x00\x0cJXL ", _UNREAD_IMAGE.format("a JPEG XL image")),
    (b"8BPS", _UNREAD_IMAGE.format("a Photoshop document")),
    (b"\x00\x00\x01\x00", _UNREAD_IMAGE.format("a Windows icon")),
    (b"v/1\x01", _UNREAD_IMAGE.format("an OpenEXR image")),
    (b"#?RADIANCE", _UNREAD_IMAGE.format("a Radiance HDR image")),
    (b"DDS ", _UNREAD_IMAGE.format("a DDS texture")),
    (b"II\xbc", _UNREAD_IMAGE.format("a JPEG XR image")),
    (b"qoif", _UNREAD_IMAGE.format("a QOI image")),
    (b"SIMPLE  =", _UNREAD_IMAGE.format("a FITS image")),
    (b"%PDF", _NO_IMAGE.format("a PDF document")),
    (b"%!PS", _NO_IMAGE.format("a PostScript document")),
    (b"PK\x03\x04", _NO_IMAGE.format("a zip archive or office document")),
    (b"\x1f\x8b", _NO_IMAGE.format("gzip data")),
    (b"\x28\xb5\x2f\xfd", _NO_IMAGE.format("Zstandard data")),
    (b"7z\xbc\xaf\x27\x1c", _NO_IMAGE.format("a 7z archive")),
    (b"Rar!", _NO_IMAGE.format("a RAR archive")),
    (b"PAR1", _NO_IMAGE.format("a Parquet file")),
    (b"\x1a\x45\xdf\xa3", _NO_IMAGE.format("a Matroska or WebM video")),
    (b"ID3", _NO_IMAGE.format("an MP3 file")),
    (b"\x7fELF", _NO_IMAGE.format("a program")),
    (b"SQLite format 3", _NO_IMAGE.format("an SQLite database")),
    (b"version https://git-lfs", _NO_IMAGE.format("a Git LFS pointer: fetch the real file first")),
)

_HEIF_BRANDS = {b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"}
_AVIF_BRANDS = {b"avif", b"avis"}


def sniff(data: bytes) -> str:
    """Pillow's name of the format these bytes begin.

    Raises:
        SourceError: they begin no image format that is read here; the text says what they seem to be.
    """
    if not data:
        raise SourceError("the file is empty (0 bytes)")
    for magic, name in _IMAGES:
        if data.startswith(magic):
            return name
    if data[:4] == b"RIFF":
        return _riff(data)
    if data[4:8] == b"ftyp":
        return _iso_media(data)
    for magic, words in _OTHERS:
        if data.startswith(magic):
            raise SourceError(words)
    if data[:4] in (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+"):
        return "TIFF"
    if data[:2] == b"BM" and int.from_bytes(data[14:18], "little") in _BMP_HEADER_SIZES:
        return "BMP"
    if data[:1] == b"P" and data[1:2] in b"123456f" and data[2:3] in b" \t\r\n#":
        return "PPM"
    raise SourceError(_other_words(data))


def _riff(data: bytes) -> str:
    if data[8:12] == b"WEBP":
        return "WEBP"
    if len(data) < 12:
        raise SourceError(f"truncated: only {len(data)} bytes of what may be a WebP image")
    raise SourceError(_NO_IMAGE.format(f"a RIFF file of type {data[8:12]!r} (sound or video)"))


def _iso_media(data: bytes) -> str:
    size = min(int.from_bytes(data[:4], "big"), 1024)
    brands = {data[8:12]} | {data[at : at + 4] for at in range(16, size, 4)}
    if brands & _AVIF_BRANDS:
        return "AVIF"
    if brands & _HEIF_BRANDS:
        raise SourceError(_UNREAD_IMAGE.format("a HEIC/HEIF image"))
    if data[8:12] == b"crx ":
        raise SourceError(_CAMERA_RAW.format("Canon CR3"))
    raise SourceError(_NO_IMAGE.format(f"a video or media file (brand {data[8:12]!r})"))


def _other_words(data: bytes) -> str:
    head = data[:4096]
    if not any(head):
        return _NO_IMAGE.format("the file begins with zeros (a hole, or a transfer that never finished?)")
    text = _as_text(head)
    if text is None:
        return _NO_IMAGE.format(f"no known format begins with the bytes {data[:8].hex(' ')}")
    start = text.lstrip("\ufeff \t\r\n").lower()
    if "<svg" in start and start.startswith("<"):
        return "an SVG drawing, not a raster image: render it to PNG first"
    if start.startswith(("<!doctype html", "<html")):
        return _NO_IMAGE.format("an HTML page (an error page saved under an image's name?)")
    shown = " ".join(text.split())
    shown = shown if len(shown) <= 40 else shown[:40] + "..."
    kind = "XML" if start.startswith("<?xml") else "text"
    return _NO_IMAGE.format(f"the file begins with {kind} {shown!r}")


def _as_text(head: bytes) -> str | None:
    """The head as text, or None when it is binary."""
    encoding = "utf-16" if head[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8"
    # a character that is cut off at the end is no sign of binary data
    text = head.decode(encoding, "ignore" if len(head) == 4096 else "replace")
    bad = sum(1 for one in text if one == "\ufffd" or (one < " " and one not in "\t\r\n\f"))
    return text if bad * 20 <= len(text) and text.strip() else None
