"""The faithful decoder of a tiled codec: the synthesis transform of the model that made the payload."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from codec.contract import RGB, Latents
from codec.parts.company import gathered
from codec.parts.quality import quality_tensor
from codec.parts.tile_loop import Synthesised, synthesised
from codec.parts.tiled_model import TiledModel, most_together
from codec.parts.tiled_reader import TiledLatents


class TiledDecoder:
    """Shows what `TiledReader` of the same models gives."""

    def __init__(self, models: Mapping[bytes, TiledModel]) -> None:
        """Take the models by the digests of their weights files."""
        self._models = models

    def synthesise(self, latents: Sequence[Latents]) -> list[RGB]:
        """The images; those of one grid and one model together."""
        found: dict[int, RGB] = {}
        images = [cast(TiledLatents, one) for one in latents]

        def kind(number: int) -> tuple[bytes, tuple[int, ...]]:
            return images[number].weights_digest, tuple(images[number].y_hwC.shape[:2])

        def most(kind: tuple[bytes, tuple[int, ...]]) -> int:
            height, width = kind[1]
            return most_together(self._models[kind[0]], (height, width))

        for together in gathered(range(len(images)), kind, most):
            model = self._models[images[together[0]].weights_digest]
            shown = [to_show(images[n], model) for n in together]
            found.update(zip(together, synthesised(model.synthesise, shown, model.synthesis), strict=True))
        return [found[n] for n in range(len(images))]


def to_show(latents: TiledLatents, model: TiledModel) -> Synthesised:
    """Latents as the tile loop shows them by their model's synthesis transform."""
    return Synthesised(
        tile=latents.tile,
        width=latents.width,
        height=latents.height,
        beside=(quality_tensor(latents.sixteenths, model.synthesis.device),),
    )
