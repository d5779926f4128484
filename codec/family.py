"""What a codec family says about itself. Every folder of `codec/families/` holds one as `FAMILY`."""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from codec.checks import check_demands
from codec.decoder_name import ALL, strength_of, with_strength
from codec.errors import CodecConfigError

if TYPE_CHECKING:  # who lists the families needs no safetensors
    from codec.contract import RGB, Demands
    from codec.weights_file import WeightsHeader

CODEC_ITSELF: Final = "codec"
"""What a run trains whose config does not say."""
_ID: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_IN_TREE: Final = f"{__package__}.families."
_SHIPPED: Final = "shipped"
_DECODERS: Final = "decoders"
_HEADS: Final = "heads"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What the networks of one weights file take, whatever machine they run on."""

    parameters: int
    """Of the model as it trains; what is stored beside it, such as entropy tables, is not counted."""
    encode_kmac_per_pixel: float
    """Thousands of multiplications for each pixel that is encoded."""
    decode_kmac_per_pixel: float
    """Thousands of multiplications for each pixel that is decoded."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Unrounded:
    """What a codec shows of an image whose latents were not rounded: the bytes have no part in what is lost."""

    model: str
    """Name of the weights that did it."""
    pixels: RGB


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherDecoder:
    """A decoder that a family has beside the faithful one: facts for people."""

    name: str
    """As `--decoder` takes it."""
    purpose: str
    """What its pictures are for, in one sentence with its full stop."""
    generates: bool
    """Whether they show what no payload says."""
    strengths: tuple[float, ...] = ()
    """Below 1, at which lists of choices offer it, too; it takes any. None: its picture is not had in part."""

    def at(self, name: str) -> OtherDecoder:
        """The same decoder under a name that may have a strength.

        Raises:
            CodecConfigError: the name has one that is none, or this decoder's picture is not had in part.
        """
        strength = strength_of(name)
        if strength == ALL:
            return self
        if not self.strengths:
            raise CodecConfigError(
                f"expected {self.name} without a strength, since it has none; got {name!r}"
            )
        return replace(
            self, name=name, purpose=f"{strength:.0%} of what {self.name} makes of the faithful picture."
        )

    def offered(self) -> tuple[OtherDecoder, ...]:
        """It, and it at the strengths that lists of choices have."""
        return self, *(self.at(with_strength(self.name, strength)) for strength in self.strengths)


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """Something that a family trains beside its codec, and shows or answers with: its parts, named as `Family`'s."""

    train_config: str
    """The subclass of `codec.training.config.TrainConfig` that its runs are told, whose `trains` names it."""
    recipe: str
    """A `codec.training.recipe.Recipe`, made of a config and a device."""
    tiny: str
    """Its own keys of a training run of seconds, a dict."""


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
    takes_maps: bool = False
    """Whether its codec takes importance maps."""
    takes_words: bool = False
    """Whether its codec takes words."""
    nears_originals: bool = True
    """Whether its best quality is near the original: if not, a run has no floor that nobody asked for."""
    presets_share: bool = False
    """Whether its presets share the qualities between them: together they are one codec, and `--weights` takes one."""
    alone: tuple[str, ...] = ()
    """Of presets that share, those that take no part: each is there for `--weights`, and then has all qualities."""
    decoders: tuple[OtherDecoder, ...] = ()
    """Beside the faithful one; whether there is one for a payload depends on the weights that made it."""
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
    trains: Mapping[str, Training] = field(default_factory=dict)
    """What else it trains, by the name that a config has at `trains`: decoders of its payloads, and the like."""
    cost: str | None = None
    """A function of a `codec.weights_file.WeightsHeader` that gives its `Cost`. Its module imports no torch;
    `codec/cost.py` counts by the shapes that a header has. None: nobody has counted."""
    unrounded: str | None = None
    """A function of its codec, an image (`RGB`) and a quality that gives an `Unrounded`: `codec/bench/balance.py` tells
    with it what the model loses from what rounding loses. None: this family's error is not split."""

    def __post_init__(self) -> None:
        if not _ID.fullmatch(self.id):
            raise ValueError(
                f"expected a family's id of lower-case words, digits and hyphens, such as `ae-zfp-1`, got {self.id!r} "
                f"in {self.package}"
            )

    @property
    def in_tree(self) -> bool:
        """Whether it comes with this release, and not with a package of somebody else's."""
        return self.package.startswith(_IN_TREE)

    @property
    def shipped(self) -> Path:
        """The folder of its shipped weights files: `codec/shipped/<id>`, and `shipped` beside a family of another
        package. It need not exist."""
        if self.in_tree:
            return Path(__file__).parent / _SHIPPED / self.id
        return Path(importlib.import_module(self.package).__file__ or "").parent / _SHIPPED

    def weights_path(self, preset: str) -> Path:
        """Where the weights file of a preset lies, if it ships."""
        from codec.weights_file import SUFFIX

        return self.shipped / f"{preset}{SUFFIX}"

    @property
    def shipped_heads(self) -> Path:
        """The folder of the weights files of its heads that ship. It need not exist."""
        return self.shipped / _HEADS

    @property
    def shipped_decoders(self) -> Path:
        """The folder of the weights files of its decoders that ship. It need not exist."""
        return self.shipped / _DECODERS

    def cost_of(self, weights: WeightsHeader) -> Cost | None:
        """What one of its weights files costs to run; None where nobody has counted."""
        if self.cost is None:
            return None
        cost: Cost = self.part(self.cost)(weights)
        return cost

    def check_demands(self, demands: Demands) -> None:
        """Refuse what its codec does not know, before that is loaded.

        Raises:
            CodecConfigError: it does not search, takes no importance maps, or takes no words.
        """
        check_demands(
            self.id,
            demands,
            searches=self.searches,
            takes_maps=self.takes_maps,
            takes_words=self.takes_words,
        )

    def training(self, name: str) -> Training:
        """How its codec is trained, or one of `trains`.

        Raises:
            KeyError: it trains nothing of that name.
        """
        if name == CODEC_ITSELF:
            return Training(train_config=self.train_config, recipe=self.recipe, tiny=self.tiny)
        return self.trains[name]

    def part(self, name: str) -> Any:
        """Import what `module:attribute` names in the family's package.

        Raises:
            ImportError: there is no such module in the package.
            AttributeError: the module has no such attribute.
        """
        module, _, attribute = name.partition(":")
        return getattr(importlib.import_module(f"{self.package}.{module}"), attribute)
