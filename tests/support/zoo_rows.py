"""Rows and sheets without codecs."""

from __future__ import annotations

from typing import Any

from codec.bench.judges import Judge
from codec.bench.judges.judge import never_missing
from codec.bench.zoo.entrant import Entrant
from codec.bench.zoo.sheet import Sheet, SheetRow
from codec.family import Cost

GRAIN = Judge(
    name="grain",
    better="lower",
    source="nobody 2026",
    blind_to="Everything.",
    missing=never_missing,
    of_pair=lambda _original, _decoded: 0.5,
)


def entrant(entrant_id: str, **changed: Any) -> Entrant:
    """One that is never opened."""
    facts: dict[str, Any] = {
        "cost": Cost(parameters=2_000_000, encode_kmac_per_pixel=1, decode_kmac_per_pixel=2)
    }
    return Entrant(
        id=entrant_id,
        title=entrant_id,
        source="a paper",
        identity=entrant_id,
        qualities=range(10),
        open=lambda: (_ for _ in ()).throw(AssertionError("it is opened")),
        **facts | changed,
    )


def row(
    entrant_id: str, asked_bpp: float = 0.5, *, of_entrant: dict[str, Any] | None = None, **numbers: Any
) -> SheetRow:
    """One with plain numbers but for those given."""
    plain: dict[str, Any] = {
        "bpp": asked_bpp,
        "ratio": 24 / asked_bpp,
        "psnr_db": 30.0,
        "encode_s_per_mp": 1.0,
        "decode_s_per_mp": 1.0,
        "lost_db": None,
        "scores": {"grain": 0.5},
    }
    return SheetRow(entrant=entrant(entrant_id, **of_entrant or {}), asked_bpp=asked_bpp, **plain | numbers)


def sheet(*rows: SheetRow, **changed: Any) -> Sheet:
    """Of those rows."""
    plain: dict[str, Any] = {
        "circumstances": {"machine": "an abacus", "date": "2026-11-29", "commit": None},
        "images": {"a.png": (64, 48)},
        "rates": tuple(sorted({one.asked_bpp for one in rows})),
        "judges": (GRAIN,),
        "floors": {},
        "not_measured": {},
    }
    return Sheet(rows=rows, **plain | changed)
