"""Tables chosen by counting code a sample in hardly more than its entropy."""

from __future__ import annotations

import math

import numpy as np
import pytest

from codec.entropy.factorised import FactorisedModel, fit_factorised
from codec.entropy.range_coder import Indices, RangeCoder, Symbols
from codec.entropy.symbol_streams import SymbolReader, SymbolWriter
from codec.entropy.tables import SILENT, TABLES, laplace_tables
from codec.errors import WeightsError

SCALES = np.array([0.02, 0.4, 3.0, 60.0])


def sample(level: int) -> Symbols:
    values_NC = np.random.default_rng(5).laplace(scale=SCALES, size=(4000, len(SCALES)))
    symbols_NC: Symbols = np.rint(values_NC * 2.0 ** (level / 12 - 3)).astype(np.int16)
    return symbols_NC


@pytest.fixture(scope="module")
def model() -> FactorisedModel:
    return fit_factorised(sample)


@pytest.mark.parametrize("level", [0, 32, 63])
def test_a_sample_takes_its_entropy_and_comes_back(model: FactorisedModel, level: int) -> None:
    symbols_NC = sample(level)
    wanted_1n = np.ascontiguousarray(symbols_NC.T).reshape(1, -1)
    indices_1n = model.indices(level, len(symbols_NC))[None]
    coder = RangeCoder(model.tables)
    writer = SymbolWriter(coder)
    writer.group(wanted_1n, indices_1n)
    streams = writer.finish()
    entropy_bits = 0.0
    for channel in symbols_NC.T:
        share = np.unique(channel, return_counts=True)[1] / len(channel)
        entropy_bits -= len(channel) * float((share * np.log2(share)).sum())
    assert 8 * len(streams[0][0]) < 1.03 * entropy_bits + 64
    assert np.array_equal(SymbolReader(coder, streams).group(None, indices_1n), wanted_1n)


def test_tables_that_serve_nobody_take_no_room() -> None:
    model = fit_factorised(lambda level: np.zeros((3, 2), np.int16))
    assert set(np.unique(model.index_LC).tolist()) == {SILENT}
    assert all(len(model.tables.table(k)) == 4 for k in range(TABLES) if k != SILENT)


def test_symbols_beyond_every_table_still_have_one() -> None:
    model = fit_factorised(lambda level: np.full((3, 1), 30_000, np.int16))
    assert model.index_LC.shape == (64, 1)
    assert math.isfinite(float(model.tables.counts.sum()))


@pytest.mark.parametrize(
    "index", [np.zeros((64, 2), np.uint8), np.full((63, 2), 9, np.uint8), np.full((64, 2), 64, np.uint8)]
)
def test_tables_that_cannot_be_are_refused(index: Indices) -> None:
    with pytest.raises(WeightsError, match=r"expected (a table's number|tables 3 to 63)"):
        FactorisedModel(tables=laplace_tables(), index_LC=index)
