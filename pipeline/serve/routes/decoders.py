"""The decoder that a request asks for: in `?decoder=`, or in the path of an image service of its own."""

from __future__ import annotations

from http import HTTPStatus

from codec.contract import FAITHFUL
from codec.errors import CodecConfigError
from pipeline.decode.decoder_choice import decoder_beside_faithful, decoders_beside_faithful
from pipeline.serve.http.problems import HttpProblem
from pipeline.types import CatalogueRow


def checked_decoder(row: CatalogueRow, name: str) -> str:
    """One that the codec of a coded image has; what is stored otherwise is shown as it is, whatever is asked for.

    Raises:
        Problem: it has no such decoder.
    """
    if row.status != "coded":
        return FAITHFUL
    try:
        is_there = name == FAITHFUL or decoder_beside_faithful(row, name) is not None
    except CodecConfigError as error:
        raise HttpProblem(HTTPStatus.BAD_REQUEST, str(error)) from error
    if not is_there:
        choices = [FAITHFUL, *(one.name for one in decoders_beside_faithful(row))]
        raise HttpProblem(
            HTTPStatus.BAD_REQUEST,
            f"Expected a decoder of {row.codec}, one of {', '.join(choices)}, got {name!r}.",
        )
    return name
