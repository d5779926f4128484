"""Options that say how well images are to be coded, of the verbs that encode and that say what encoding will give."""

from __future__ import annotations

from typing import Annotated

import typer

CodecName = Annotated[
    str | None,
    typer.Option(
        metavar="ID",
        help="hyper-1 (default), ae-zfp-1, or another codec family that is installed: `tenfold codecs` lists them.",
    ),
]
Quality = Annotated[
    int | None, typer.Option(help="0 (smallest) to 63 (best). At most one of quality, ratio, bpp.")
]
Ratio = Annotated[
    float | None,
    typer.Option(
        help="Meet this ratio against raw 24-bit pixels, e.g. 25 or 100, within 2 % over the coded images. "
        "Images kept as they were do not count."
    ),
]
Bpp = Annotated[
    float | None, typer.Option(help="Meet this many payload bits per pixel; the same as --ratio 24/bpp.")
]
MinPsnr = Annotated[
    float | None,
    typer.Option(
        metavar="DB",
        help="Floor of every coded image: one below it gets a higher quality, whatever the target; one that "
        "cannot reach it is kept as it was. Default: 30 where no quality, ratio or bpp is given; 0: none.",
    ),
]
MinMsSsim = Annotated[
    float | None,
    typer.Option(metavar="X", help="The same for MS-SSIM, e.g. 0.98; needs images of 161 pixels or more."),
]
Lossless = Annotated[
    bool,
    typer.Option(
        "--lossless",
        help="Lose nothing: JPEG files come back byte for byte, of others the pixels and metadata or the file, "
        "whichever takes less. Without it only palettes, drawings, screenshots and tiny images are stored so; the "
        "config's `lossless` takes globs, or never.",
    ),
]
