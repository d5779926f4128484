"""docs/reference/rooms.md, from the table of arrows that `tests/test_architecture.py` holds the code to."""

from __future__ import annotations

from tests.docs.reference.tables import page, table
from tests.test_architecture import DOORS, MAY_IMPORT


def rooms_page() -> str:
    """The text of rooms.md."""
    arrows = [(f"`{room}`", _names(others) or "nothing") for room, others in MAY_IMPORT.items()]
    doors = [(f"`{library}`", _names(rooms)) for library, rooms in DOORS.items()]
    return page(
        "Rooms and arrows",
        "A room is a folder, or a file beside the folders that stands for itself. It may import the rooms of its row "
        "and nothing else of this project; `tests/test_architecture.py` fails with file and line where code does. "
        "[architecture.md](../architecture.md) says what each room is for.",
        [
            *table(("room", "may import"), arrows),
            "",
            "## Doors",
            "",
            "Heavy libraries come in through few rooms; all others reach them through these.",
            "",
            *table(("library", "is imported by"), doors),
        ],
    )


def _names(rooms: set[str]) -> str:
    return ", ".join(f"`{room}`" for room in sorted(rooms))
