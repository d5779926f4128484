"""What a decode is told, beside where from and where to."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from codec.contract import FAITHFUL
from pipeline.archive.versions import AsOf
from pipeline.decode.file_form import FileForm
from pipeline.decode.outlet import OutputKind
from pipeline.decode.plan import Existing
from pipeline.decode.selection import Selection


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DecodeOptions:
    """Which images are to come, and how."""

    selection: Selection = field(default_factory=Selection)
    """The images; all of them unless it says which."""
    form: FileForm = field(default_factory=FileForm)
    """How the files are to come."""
    size: int | None = None
    """The longer side at most, in pixels, of images that are not asked for in a size of their own; None for theirs."""
    decoder: str = FAITHFUL
    """What shows coded images that are not asked for by another. One that it cannot show fails; what is stored
    otherwise comes as it is."""
    to: OutputKind = "files"
    as_of: AsOf | None = None
    """The archive as it was then."""
    existing: Existing = "refuse"
    """What becomes of files that are there. Files appear whole, so a killed run goes on with "keep"."""
    is_recorded: bool = False
    """Keep a record in the destination, from which the same command goes on; packs do so in any case."""

    @property
    def keeps_record(self) -> bool:
        """Whether a record lies in the destination."""
        return self.is_recorded or self.to != "files"

    def fingerprint(self) -> dict[str, Any]:
        """All that makes a decode of one archive another one, but the archive's version."""
        # unnamed, the faithful one lets jobs go on that were begun by releases with no other
        shown_otherwise = {} if self.decoder == FAITHFUL else {"decoder": self.decoder}
        return {
            "as_of": None if self.as_of is None else str(self.as_of),
            "selection": self.selection.fingerprint(),
            "form": asdict(self.form),
            "size": self.size,
            "to": self.to,
            **shown_otherwise,
        }
