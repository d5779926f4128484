"""A comparison for tests: everything the page can show, measured on nothing."""

from __future__ import annotations

import numpy as np

from codec.bench.measure import Sample
from pipeline.archive.catalogue import Catalogue
from pipeline.report.comparison.crops import picture
from pipeline.report.comparison.methods import (
    FIDELITY,
    Curve,
    Fidelity,
    Method,
    Score,
    SetScore,
    Size,
)
from pipeline.report.comparison.run import ComparedImage, Comparison
from pipeline.types import CatalogueRow

SIDE = 64


def method(name: str, kind: str) -> Method:
    return Method(
        id=name,
        title=name.upper(),
        kind="lossless" if kind == "lossless" else "lossy" if kind == "lossy" else "ours",
        settings="as always",
        library=f"lib{name} 1.0",
    )


METHODS = [
    method("zip_pixels", "lossless"),
    method("png", "lossless"),
    method("jpeg_420", "lossy"),
    method("avif_s6_420", "lossy"),
    method(FIDELITY, "ours"),
    method("ssimulacra2", "ours"),
    method("lpips_alexnet", "ours"),
]


def curve(row: CatalogueRow, loss_db: float) -> Curve:
    """Around the row's own rate and PSNR."""
    bpp, psnr = row.bpp or 1.0, row.psnr_db or 30.0
    width, height = row.width or 1, row.height or 1
    return Curve(
        samples=tuple(
            Sample(
                quality=step,
                num_bytes=round(bpp * 2.0**step * width * height / 8),
                width=width,
                height=height,
                psnr_db=psnr - loss_db + 4 * step,
                ms_ssim=0.97 + 0.01 * step,
            )
            for step in (-2, -1, 0, 1, 2)
        )
    )


def made_up_contest(catalogue: Catalogue, *, shown: list[str]) -> Comparison:
    """Every coded row took part; `shown` have pictures, the last of them without its original."""
    (rows,) = [
        catalogue.lookup([key for batch in catalogue.scan(["key"]) for key in batch["key"].to_pylist()])
    ]
    coded = [row for row in rows if row.status == "coded"]
    comparison = Comparison(methods=METHODS, left_out={"DISTS": "no weights <here>"}, drawn=len(coded))
    for row in coded:
        comparison.entries.append(
            ComparedImage(
                row=row,
                results={
                    "zip_pixels": Size(num_bytes=9000),
                    "png": Size(num_bytes=7000),
                    "jpeg_420": curve(row, 3.0),
                    "avif_s6_420": curve(row, 1.0),
                    FIDELITY: Fidelity(psnr_db=row.psnr_db, ssim=0.9, ms_ssim=0.97),
                    "ssimulacra2": Score(value=70.0),
                    "lpips_alexnet": Score(value=0.25),
                },
                refused={},
            )
        )
    comparison.of_set["kd_lite0"] = SetScore(value=0.125, floor=0.001, images=len(coded))
    chance = np.random.default_rng(1)
    for number, key in enumerate(shown):
        original = chance.integers(0, 255, (SIDE, SIDE * 2, 3)).astype(np.uint8)
        decoded = np.clip(original.astype(int) + 9, 0, 255).astype(np.uint8)
        has_original = number < len(shown) - 1
        comparison.pictures[key] = picture(original if has_original else None, decoded, orientation=None)
    return comparison
