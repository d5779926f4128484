"""Fitting a model's frequency tables to the symbols it really makes, once its networks are trained."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import torch

from codec.contract import RGB, EncodeOptions
from codec.entropy.range_coder import Indices, Symbols
from codec.entropy.tables import FrequencyTables, fitted_tables, laplace_tables
from codec.families.hyper.codec import HyperCodec
from codec.training.session import stage

QUALITIES: Final = (2, 8, 14, 20, 26, 32, 38, 44, 50, 56, 62)


class _Tally:
    """A sink that counts which symbols each table gets."""

    reads = False

    def __init__(self) -> None:
        self._reach = laplace_tables().reach.astype(np.int64)
        sizes = 2 * self._reach + 1
        self._zeros = np.cumsum(sizes) - sizes + self._reach
        self._counts = np.zeros(int(sizes.sum()))

    @property
    def histograms(self) -> list[npt.NDArray[np.float64]]:
        """Per table, how often each of -reach .. reach occurred."""
        return [
            self._counts[zero - reach : zero + reach + 1]
            for zero, reach in zip(self._zeros.tolist(), self._reach.tolist(), strict=True)
        ]

    def group(self, wanted_Bn: Symbols | None, indices_Bn: Indices) -> Symbols:
        """Count a group."""
        assert wanted_Bn is not None
        symbols, tables = wanted_Bn.ravel().astype(np.int64), indices_Bn.ravel()
        within = np.abs(symbols) <= self._reach[tables]
        places = self._zeros[tables[within]] + symbols[within]
        self._counts += np.bincount(places, minlength=len(self._counts))
        return wanted_Bn


def count_symbols(
    codec: HyperCodec, images: Sequence[RGB], qualities: Iterable[float] = QUALITIES
) -> list[npt.NDArray[np.float64]]:
    """How often each symbol occurred with each table, over all images and qualities."""
    tally = _Tally()
    chosen = list(qualities)
    with torch.inference_mode():
        for image in stage("crops counted for entropy tables", images):
            (prepared,) = codec.encoder.prepare([image])
            for quality in chosen:
                codec.encoder.send([prepared], [EncodeOptions(quality=quality)], tally)
    return tally.histograms


def fit_tables(codec: HyperCodec, images: Sequence[RGB]) -> FrequencyTables:
    """Tables that follow the symbols of these images (use training images), and Laplace where there were few."""
    return fitted_tables(count_symbols(codec, images))
