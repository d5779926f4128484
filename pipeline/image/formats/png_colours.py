"""Which colours the samples of a PNG file stand for, as far as chunks beside a profile tell it."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

_SRGB_GAMMA = 45455
_GAMMA_BYTES = 4
_GAMMA_TOLERANCE = 0.1
_SRGB_POINTS = (31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)
"""White, red, green and blue of sRGB, (x, y) in hundred thousandths."""
_POINT_TOLERANCE = 1000
"""The white point and primaries that programs write for sRGB differ by less; those of wider spaces by more."""
_PLAIN_CICP = {(1, 13), (1, 1), (1, 6), (2, 2)}
"""(primaries, transfer) that ordinary viewers show as sRGB."""


@dataclass(slots=True, kw_only=True)
class Colours:
    """What the colour chunks say; a reader believes the first that it knows of cICP, iCCP, sRGB, gAMA and cHRM."""

    has_profile: bool = False
    is_srgb: bool = False
    gammas: list[bytes] = field(default_factory=list)
    points: list[bytes] = field(default_factory=list)
    codes: list[bytes] = field(default_factory=list)

    def note(self, kind: bytes, body: bytes) -> None:
        """Note one chunk."""
        match kind:
            case b"sRGB":
                self.is_srgb = True
            case b"gAMA":
                self.gammas.append(body)
            case b"cHRM":
                self.points.append(body)
            case b"cICP":
                self.codes.append(body)

    def reason(self) -> str | None:
        """Why the samples are no sRGB and no profile says so; None when they may pass for sRGB, or one does."""
        for code in self.codes:
            if tuple(code[:2]) not in _PLAIN_CICP or code[2:] != b"\x00\x01":
                shown = f"primaries {code[0]}, transfer {code[1]}" if len(code) > 1 else "cut short"
                return f"colours that only a cICP chunk describes ({shown})"
        if self.has_profile or self.is_srgb:
            return None
        for gamma in self.gammas:
            value = (
                int.from_bytes(gamma, "big") if len(gamma) == _GAMMA_BYTES else 0
            )  # else no reader takes it
            if value and abs(value / _SRGB_GAMMA - 1) > _GAMMA_TOLERANCE:
                return f"a gamma that only a gAMA chunk describes ({value / 100_000:.3f}, not sRGB's 0.455)"
        for points in self.points:
            if not _are_srgb(points):
                return "colours that only a cHRM chunk describes (its primaries are not those of sRGB)"
        return None


def _are_srgb(points: bytes) -> bool:
    if len(points) != 32:
        return True  # no reader can make anything of it
    found = struct.unpack(">8I", points)
    return all(abs(is_ - srgb) <= _POINT_TOLERANCE for is_, srgb in zip(found, _SRGB_POINTS, strict=True))
