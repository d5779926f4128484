"""What a file is, by its first bytes: a format that is decoded here, another kind of image, or something else."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pipeline.image.formats.tga import seems_tga

_IMAGES: tuple[tuple[bytes, str], ...] = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"\xff\x4f\xff\x51", "JPEG2000"),
    (b"\x00\x00\x00\x0cjP  \r\n\x87\n", "JPEG2000"),
)
_BITMAP_DEPTHS = tuple(bytes([depth, 0]) for depth in (1, 4, 8, 16, 24, 32))
_XBM = re.compile(rb"\s*(/\*.*?\*/\s*)?#define\s+\w*width\s+\d+\s", re.DOTALL)
_BMP_HEADER_SIZES = (12, 16, 40, 52, 56, 64, 108, 124)

_NO_IMAGE = "not an image: {}"

_NOT_DECODED: tuple[tuple[bytes, str, str], ...] = (
    (b"II*\x00\x10\x00\x00\x00CR", "RAW", "a camera raw file (Canon CR2)"),
    (b"IIRO", "RAW", "a camera raw file (Olympus ORF)"),
    (b"IIRS", "RAW", "a camera raw file (Olympus ORF)"),
    (b"MMOR", "RAW", "a camera raw file (Olympus ORF)"),
    (b"IIU\x00", "RAW", "a camera raw file (Panasonic RW2)"),
    (b"FUJIFILMCCD-RAW", "RAW", "a camera raw file (Fujifilm RAF)"),
    (b"FOVb", "RAW", "a camera raw file (Sigma X3F)"),
    (b"\x00MRM", "RAW", "a camera raw file (Minolta MRW)"),
    (b"\xff\x0a", "JXL", "a JPEG XL image"),
    (b"\x00\x00\x00\x0cJXL ", "JXL", "a JPEG XL image"),
    (b"8BPS", "PSD", "a Photoshop document"),
    (b"\x00\x00\x01\x00", "ICO", "a Windows icon"),
    (b"v/1\x01", "EXR", "an OpenEXR image"),
    (b"#?RADIANCE", "HDR", "a Radiance HDR image"),
    (b"DDS ", "DDS", "a DDS texture"),
    (b"II\xbc", "JXR", "a JPEG XR image"),
    (b"qoif", "QOI", "a QOI image"),
    (b"icns", "ICNS", "an Apple icon"),
    (b"II\x1a\x00\x00\x00HEAPCCDR", "RAW", "a camera raw file (Canon CRW)"),
    (b"gimp xcf", "XCF", "a GIMP document"),
    (b"\x8aMNG\r\n\x1a\n", "MNG", "an MNG animation"),
    (b"\x8bJNG\r\n\x1a\n", "JNG", "a JNG image"),
    (b"\x59\xa6\x6a\x95", "SUN", "a Sun raster image"),
    (b"AT&TFORM", "DJVU", "a DjVu document"),
    (b"BPG\xfb", "BPG", "a BPG image"),
    (b"FLIF", "FLIF", "a FLIF image"),
    (b"\xabKTX ", "KTX", "a KTX texture"),
    (b"VTF\x00", "VTF", "a VTF texture"),
    (b"BLP1", "BLP", "a BLP texture"),
    (b"BLP2", "BLP", "a BLP texture"),
    (b"\x97JB2\r\n\x1a\n", "JBIG2", "a JBIG2 image"),
    (b"#?RGBE", "HDR", "a Radiance HDR image"),
    (b"/* XPM */", "XPM", "an X pixmap"),
    (b"Image type: ", "IM", "an IFUNC image"),
    (b"\xd7\xcd\xc6\x9a", "WMF", "a Windows metafile"),
    (b"SIMPLE  =", "FITS", "a FITS image"),
)
"""Images that are not decoded here: how they begin, the name of their format, and words for a person."""
_OTHERS: tuple[tuple[bytes, str], ...] = (
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


@dataclass(frozen=True, slots=True, kw_only=True)
class SniffedKind:
    """What a file seems to be."""

    source_format: str | None
    """The name of an image format; None for what is no image."""
    decoded_as: str | None = None
    """Pillow's name of the format, when it is decoded here."""
    words: str = ""
    """For a person; empty for what is decoded here."""

    @property
    def is_image(self) -> bool:
        """Whether it begins like an image, decoded here or not."""
        return self.source_format is not None


def sniff(data: bytes) -> SniffedKind:
    """What these bytes begin; a few kilobytes are enough."""
    if not data:
        return _no_image("the file is empty (0 bytes)")
    for magic, name in _IMAGES:
        if data.startswith(magic):
            return _decoded(name)
    if data[:4] == b"RIFF":
        return _riff(data)
    if data[4:8] == b"ftyp":
        return _iso_media(data)
    for magic, name, words in _NOT_DECODED:
        if data.startswith(magic):
            return _not_decoded(name, words)
    for magic, words in _OTHERS:
        if data.startswith(magic):
            return _no_image(words)
    if data[:4] in (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+"):
        return _decoded("TIFF")
    if data[:2] == b"BM" and int.from_bytes(data[14:18], "little") in _BMP_HEADER_SIZES:
        return _decoded("BMP")
    if data[:1] == b"P" and data[1:2] in b"1234567fF" and data[2:3] in b" \t\r\n#":
        return _decoded("PPM")
    if (found := _by_fields(data)) is not None:
        return found
    return _no_known_magic(data)


def _decoded(name: str) -> SniffedKind:
    return SniffedKind(source_format=name, decoded_as=name)


def _not_decoded(name: str, words: str) -> SniffedKind:
    return SniffedKind(source_format=name, words=f"{words}, which is not decoded here")


def _no_image(words: str) -> SniffedKind:
    return SniffedKind(source_format=None, words=words)


def _riff(data: bytes) -> SniffedKind:
    if data[8:12] == b"WEBP":
        return _decoded("WEBP")
    if len(data) < 12:
        return _no_image(f"truncated: only {len(data)} bytes of what may be a WebP image")
    return _no_image(_NO_IMAGE.format(f"a RIFF file of type {data[8:12]!r} (sound or video)"))


def _iso_media(data: bytes) -> SniffedKind:
    size = min(int.from_bytes(data[:4], "big"), 1024)
    brands = {data[8:12]} | {data[at : at + 4] for at in range(16, size, 4)}
    if brands & _AVIF_BRANDS:
        return _decoded("AVIF")
    if brands & _HEIF_BRANDS:
        return _decoded("HEIF")
    if data[8:12] == b"crx ":
        return _not_decoded("RAW", "a camera raw file (Canon CR3)")
    return _no_image(_NO_IMAGE.format(f"a video or media file (brand {data[8:12]!r})"))


def _by_fields(data: bytes) -> SniffedKind | None:
    """Formats whose mark is short, or lies further on."""
    if data[128:132] == b"DICM":
        return _not_decoded("DICOM", "a DICOM image")
    if data[:4] == b"\x00\x00\x02\x00" and any(data[4:6]):
        return _not_decoded("CUR", "a Windows cursor")
    if data[:4] == b"FORM" and data[8:12] in (b"ILBM", b"PBM ", b"ACBM"):
        return _not_decoded("ILBM", "an IFF image")
    if data[:4] == b"\x01\x00\x00\x00" and data[40:44] == b" EMF":
        return _not_decoded("EMF", "a Windows enhanced metafile")
    if data[:2] == b"\x01\xda" and data[2:3] in (b"\x00", b"\x01") and data[3:4] in (b"\x01", b"\x02"):
        return _not_decoded("SGI", "an SGI image")
    if data[:1] == b"\x0a" and data[1:2] in b"\x00\x02\x03\x04\x05" and data[2:3] == b"\x01":
        return _not_decoded("PCX", "a PCX image") if data[3:4] in b"\x01\x02\x04\x08" else None
    if data[:4] == b"\x28\x00\x00\x00" and data[12:14] == b"\x01\x00" and data[14:16] in _BITMAP_DEPTHS:
        return _not_decoded("DIB", "a Windows bitmap without its file header")
    if _XBM.match(data):
        return _not_decoded("XBM", "an X bitmap")
    return _decoded("TGA") if seems_tga(data) else None


def _no_known_magic(data: bytes) -> SniffedKind:
    head = data[:4096]
    if not any(head):
        return _no_image(
            _NO_IMAGE.format("the file begins with zeros (a hole, or a transfer that never finished?)")
        )
    text = _as_text(head)
    if text is None:
        return _no_image(_NO_IMAGE.format(f"no known format begins with the bytes {data[:8].hex(' ')}"))
    start = text.lstrip("\ufeff \t\r\n").lower()
    if "<svg" in start and start.startswith("<"):
        return SniffedKind(source_format="SVG", words="an SVG drawing, not a raster image")
    if start.startswith(("<!doctype html", "<html")):
        return _no_image(_NO_IMAGE.format("an HTML page (an error page saved under an image's name?)"))
    shown = " ".join(text.split())
    shown = shown if len(shown) <= 40 else shown[:40] + "..."
    kind = "XML" if start.startswith("<?xml") else "text"
    return _no_image(_NO_IMAGE.format(f"the file begins with {kind} {shown!r}"))


def _as_text(head: bytes) -> str | None:
    """The head as text, or None when it is binary."""
    encoding = "utf-16" if head[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8"
    # a character that is cut off at the end is no sign of binary data
    text = head.decode(encoding, "ignore" if len(head) == 4096 else "replace")
    bad = sum(1 for one in text if one == "\ufffd" or (one < " " and one not in "\t\r\n\f"))
    return text if bad * 20 <= len(text) and text.strip() else None
