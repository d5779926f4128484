"""A tar by WebDataset's rule: what begins alike up to the first dot of its base name is one sample."""

from __future__ import annotations

import io
import json
import re
import tarfile
from collections.abc import Sequence
from dataclasses import asdict
from typing import Final

from pipeline.packs.member import PackMember

_MODE: Final = 0o644
_PASSED_OVER: Final = re.compile(r"\A_(?=_[^/]*__(?:/|\Z))")
"""The beginning of a folder that WebDataset takes for its own."""


def tar_pack(members: Sequence[PackMember]) -> bytes:
    """The tar: the file of each image, and then its facts as `.json`.

    Args:
        members: named by `sample_file`, each sample once.
    """
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for member in members:
            sample = _sample_of(member.name)
            facts = json.dumps(asdict(member.facts), ensure_ascii=False).encode()
            for name, data in ((member.name, member.data), (f"{sample}.json", facts)):
                header = tarfile.TarInfo(name)
                header.size, header.mode = len(data), _MODE
                tar.addfile(header, io.BytesIO(data))
    return packed.getvalue()


def sample_file(stem: str, extension: str) -> str:
    """What an image is called in a tar: dots of its base name would begin the extension, so they are escaped.

    >>> sample_file("v1.2/beach.jpg", ".png"), sample_file("100%", ".png"), sample_file("__x__/a", ".png")
    ('v1.2/beach%2Ejpg.png', '100%25.png', '%5F_x__/a.png')
    """
    folder, slash, base = stem.rpartition("/")
    folder = _PASSED_OVER.sub("%5F", folder)
    escaped = base.replace("%", "%25").replace(".", "%2E")
    return f"{folder}{slash}{escaped}{extension}"


def _sample_of(name: str) -> str:
    folder, slash, base = name.rpartition("/")
    return f"{folder}{slash}{base.partition('.')[0]}"
