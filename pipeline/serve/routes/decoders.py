"""The decoder that a request asks for: in `?decoder=`, or in the path of an image service of its own."""

from __future__ import annotations

from http import HTTPStatus

from codec.contract import FAITHFUL
from pipeline.decode.decoder_choice import decoders_beside_faithful
from pipeline.serve.http.problems import HttpProblem
from pipeline.types import CatalogueRow


def checked_decoder(row: CatalogueRow, name: str) -> str:
    """One that the codec of a coded image has; what is stored otherwise is shown as it is, whatever is asked for.

    Raises:
        Problem: it has no such decoder.
    """
    if row.status != "coded":
        return FAITHFUL
    choices = [FAITHFUL, *(one.name for one in decoders_beside_faithful(row))]
    if name not in choices:
        raise HttpProblem(
            HTTPStatus.BAD_REQUEST,
            f"Expected a decoder of {row.codec}, one of {', '.join(choices)}, got {name!r}.",
        )
    return name
