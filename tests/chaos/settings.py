"""What the verbs of a scenario are told: small units and eager commits, so that what goes wrong lands between them."""

from __future__ import annotations

from pathlib import Path


def write_settings(folder: Path, *, max_images: int = 5, quality: int = 30, **nightly: str | Path) -> Path:
    """A config file.

    Args:
        max_images: in a unit of work.
        nightly: its section; none when nothing is given.
    """
    lines = [
        f"shard: {{max_images: {max_images}}}",
        "commit_seconds: 0.01",
        "workers: {count: 0}",
        f"codec: {{id: ae-zfp-1, quality: {quality}}}",
    ]
    if nightly:
        lines += ["nightly:", *(f"  {name}: '{value}'" for name, value in nightly.items())]
    path = folder / "config.yaml"
    path.write_text("\n".join(lines) + "\n")
    return path
