"""Which file names are those of images."""

from __future__ import annotations

_DECODED = (
    "jpg jpeg jpe jfif mpo png apng webp avif avifs heic heics heif heifs hif tif tiff bmp dib gif jp2 j2k jpf jpx jpm "
    "jpc j2c ppm pgm pbm pnm pam pfm tga"
)
_ALWAYS_KEPT = (
    "ico icns cur psd psb pcx sgi xbm xpm qoi dds fits jls jxl jxr wdp hdp svg svgz exr hdr dcm "
    "dng cr2 cr3 crw nef nrw arw srf sr2 orf rw2 raf pef srw x3f 3fr iiq erf mrw mef mos rwl kdc dcr gpr"
)

IMAGE_EXTENSIONS = frozenset(f"{_DECODED} {_ALWAYS_KEPT}".split())
"""Lower case, without the dot."""


def is_image_name(path: str) -> bool:
    """Whether a name has an image's extension and is no macOS companion file."""
    name = path.rpartition("/")[2]
    stem, _, extension = name.rpartition(".")
    return bool(stem) and extension.lower() in IMAGE_EXTENSIONS and not name.startswith("._")


def extension_of(path: str) -> str:
    """`.jpg` of `a/b.JPG`; `(none)` without one."""
    stem, dot, extension = path.rpartition("/")[2].rpartition(".")
    return f".{extension.lower()}" if dot and stem and extension else "(none)"
