"""docs/reference/filters.md, from the fields and orders of a listing."""

from __future__ import annotations

from pipeline.archive.filter_fields import COMPARISONS, FIELDS
from pipeline.archive.filters import LONGEST, MOST_TERMS
from pipeline.archive.listing import MOST_COUNTED, MOST_LOOKED_AT, ORDERS
from tests.docs.reference.tables import page, table

_TERMS = (
    ("`beach`", "the key holds this text; capitals do not count"),
    ("`holiday/`", "the key begins so: all below a folder"),
    ("`*.jpg`, `**/2026-*/img?.png`", "the key matches a [glob](../guide/decode.md)"),
    ('`"my cat"`', "quotes: a text with spaces or signs in it, never a glob, a folder or a field"),
    (
        "`psnr<32`",
        f"a field, an operator, a value; operators are {' '.join(f'`{one}`' for one in COMPARISONS)}",
    ),
    ("`-status:kept`", "not so; also of images of which the field is not known"),
)


def filters_page() -> str:
    """The text of filters.md."""
    fields = [
        (f"`{field.name}`", field.meaning, field.takes, f"`{field.example}`") for field in FIELDS.values()
    ]
    orders = [
        (
            f"`{order.name}`",
            order.meaning,
            f"`{order.column}`, {'falling' if order.is_descending else 'rising'}",
        )
        for order in ORDERS.values()
    ]
    return page(
        "Filters and orders of a listing",
        "In the search line of the [server's page](../guide/page.md), and in `filter=` and `order=` of its API. Terms "
        f"stand side by side with spaces between, {MOST_TERMS} of them in {LONGEST:,} characters at most, and all must "
        "hold: `holiday/ psnr<32 -status:kept`. A filter never becomes SQL.",
        [
            *table(("term", "lets through"), _TERMS),
            "",
            "## Fields",
            "",
            *table(("field", "what it is", "takes", "example"), fields),
            "",
            "## Orders",
            "",
            *table(("order", "what comes first", "by"), orders),
            "",
            "Images that have no such value come last, and equal ones by name. One answer looks at "
            f"{MOST_LOOKED_AT:,} images at most, one count at {MOST_COUNTED:,}; then it says how far it came, and "
            "where to go on, whether it found any or not.",
        ],
    )
