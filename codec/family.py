"""What a codec family says about itself. Every folder of `codec/families/` holds one as `FAMILY`."""

from __future__ import annotations

import importlib
import re
from dataclasses import dataclass
from typing import Any, Final

from codec.contract import check_effort

_ID: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """One codec family: facts for people, and where its parts are.

    Parts are named `module:attribute`, relative to the family's package, and imported when they are asked for: a
    program that lists the families loads neither torch nor an entropy coder.
    """

    id: str
    """Name and version, as written in every catalogue row: `ae-zfp-1`. Another bitstream is another version."""
    package: str
    """The `__name__` of the package that the family lies in."""
    summary: str
    """What it is, in one sentence."""
    source: str
    """The papers it follows, or where else its ideas come from."""
    licence: str
    """Of its code and of the weights that ship with it."""
    searches: bool = False
    """Whether its codec has a `refiner`, and so takes an effort above 0."""
    experimental: bool = False
    """Whether its payloads may stop decoding in a later release: such a family is listed after all others."""
    codec: str
    """A `codec.registry.Loader`: gives the codec with its weights resident."""
    train_config: str
    """The subclass of `codec.training.config.TrainConfig` that its runs are told. Its module imports no torch."""
    recipe: str
    """A `codec.training.recipe.Recipe`, made of a config and a device."""
    tiny: str
    """The family's own keys of a training run of seconds, a dict: the tests train with it."""

    def __post_init__(self) -> None:
        if not _ID.fullmatch(self.id):
            raise ValueError(
                f"expected a family's id of lower-case words, digits and hyphens, such as `ae-zfp-1`, got {self.id!r} "
                f"in {self.package}"
            )

    def check_effort(self, effort: int) -> None:
        """Refuse an effort that its codec does not know, before that is loaded.

        Raises:
            CodecConfigError: it is above 0, and the codec does not search.
        """
        check_effort(self.id, effort, searches=self.searches)

    def part(self, name: str) -> Any:
        """Import what `module:attribute` names in the family's package.

        Raises:
            ImportError: there is no such module in the package.
            AttributeError: the module has no such attribute.
        """
        module, _, attribute = name.partition(":")
        return getattr(importlib.import_module(f"{self.package}.{module}"), attribute)
