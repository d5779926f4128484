"""A family that takes words, for tests: each of them is worth a level of quality."""

from __future__ import annotations

from codec.family import Family

FAMILY = Family(
    id="worded-1",
    package=__name__,
    summary="Blocks, finer by a level for each word.",
    source="tests/support/families/worded",
    licence="Apache-2.0",
    takes_words=True,
    codec="codec:load",
    train_config="codec:nothing",
    recipe="codec:nothing",
    tiny="codec:nothing",
)
