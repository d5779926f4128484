"""One step's gradient from shares of the batch, side by side in threads.

PyTorch would split every layer among its threads, and layers as small as these gain nothing by that; whole shares do
(docs/guide/train.md has the numbers). The weights are shared, and so are the images.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import reduce
from typing import Final

import numpy as np
import torch
from torch import Tensor, nn

from codec.cpus import usable_cpus
from codec.training.recipe import BatchLoss

_TOTAL: Final = "total"
_RIVAL: Final = "rival"


def default_workers(device: torch.device) -> int:
    """As many as this process may use cores; a GPU takes whole batches."""
    return usable_cpus() if device.type == "cpu" else 1


@contextmanager
def side_by_side(workers: int) -> Iterator[Shares]:
    """Threads for shares, each running its layers alone; with one, PyTorch's own threads do what they can."""
    threads = torch.get_num_threads()
    with ThreadPoolExecutor(workers, "train", torch.set_flush_denormal, (True,)) as pool:
        if workers > 1:
            torch.set_num_threads(1)
        try:
            yield Shares(pool, workers)
        finally:
            torch.set_num_threads(threads)


class Shares:
    """Use `side_by_side`."""

    def __init__(self, pool: ThreadPoolExecutor, workers: int) -> None:
        """Run that many shares in a pool."""
        self._pool, self._workers = pool, workers

    def run(self, tasks: Iterable[Callable[[], object]]) -> None:
        """Do things side by side."""
        for done in [self._pool.submit(task) for task in tasks]:
            done.result()

    def backward(
        self,
        loss: Callable[[Tensor, np.random.Generator], BatchLoss],
        parameters: Sequence[nn.Parameter],
        rgb_BCHW: Tensor,
        chance: np.random.Generator,
        rivals: Sequence[nn.Parameter] = (),
    ) -> BatchLoss:
        """Give every parameter the gradient of a batch's loss; the loss itself comes back without.

        Args:
            loss: of a share, its mean over images; called in several threads.
            parameters: all that it depends on, and perhaps more.
            rivals: the same of a second player, whose loss is `BatchLoss.rival`.
            rgb_BCHW: the batch.
            chance: where what each share draws comes from.
        """
        batch = len(rgb_BCHW)

        def share(
            part_BCHW: Tensor, own: np.random.Generator
        ) -> tuple[dict[str, Tensor], list[Tensor | None]]:
            weight = len(part_BCHW) / batch
            found = loss(part_BCHW, own)
            gradients = _gradients(found.total * weight, parameters)
            values = {_TOTAL: found.total.detach(), **found.parts}
            if found.rival is not None:
                gradients += _gradients(found.rival * weight, rivals)
                values[_RIVAL] = found.rival.detach()
            return {name: value * weight for name, value in values.items()}, gradients

        parts = rgb_BCHW.chunk(self._workers)
        results = list(self._pool.map(share, parts, chance.spawn(len(parts))))
        learning = [*parameters, *rivals][: len(results[0][1])]
        for number, parameter in enumerate(learning):
            found = [gradients[number] for _, gradients in results]
            held = [gradient for gradient in found if gradient is not None]
            parameter.grad = reduce(torch.add, held) if held else None
        logged = [values for values, _ in results]
        values = {name: torch.stack([one[name] for one in logged]).sum() for name in logged[0]}
        return BatchLoss(total=values.pop(_TOTAL), rival=values.pop(_RIVAL, None), parts=values)


def _gradients(loss: Tensor, parameters: Sequence[nn.Parameter]) -> list[Tensor | None]:
    return list(torch.autograd.grad(loss, parameters, allow_unused=True))
