"""IIIF Image API 3.0, level 2: the images of the archive in every viewer that museums and libraries have.

A viewer makes addresses by the one that info.json gives, and drops what follows a `?`. So what another decoder shows of
an image is an image service of its own, below `/decoders/NAME/iiif/3/`.
"""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from http import HTTPStatus
from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from codec.contract import FAITHFUL
from pipeline.serve.http.accept import Accept
from pipeline.serve.http.answers import keeping_for
from pipeline.serve.http.problems import HttpProblem
from pipeline.serve.routes.decoders import checked_decoder
from pipeline.serve.routes.iiif_info import CONTEXT, PROFILE, image_information
from pipeline.serve.routes.iiif_request import (
    BadViewError,
    NotOfferedError,
    ViewWords,
    read_view,
    split_words,
    write_words,
)
from pipeline.serve.routes.paths import IIIF, IIIF_BY_DECODER, iiif_prefix, image_service, segments_below
from pipeline.serve.routes.shown import shown_size, view_answer
from pipeline.serve.routes.stored import answer_stored, stored_row
from pipeline.serve.site import Site
from pipeline.types import CatalogueRow

_INFO: Final = "info.json"
_LD_JSON: Final = "application/ld+json"


def iiif_routes(site: Site) -> list[BaseRoute]:
    """Everything below `/iiif/3/`, and below it for each decoder. Paths are read from the right: `a%2Fb` and `a/b` name
    the same key."""

    async def iiif(request: Request) -> Response:
        segments = segments_below(request, iiif_prefix(request.path_params.get("decoder")))
        if segments[-1] == _INFO:
            return _information(site, request, "/".join(segments[:-1]))
        key, words = split_words(segments) or ("", None)
        whole = "/".join(segments)
        if (
            words is not None
            and site.index.find(key) is not None
            # what is not well formed may be part of a key; where it is not, it is told what is wrong with it
            and (words.are_well_formed() or site.index.find(whole) is None)
        ):
            return await answer_stored(site, key, partial(_image, site, request, words))
        row = stored_row(site, whole)
        return RedirectResponse(f"{_id(site, request, row.key)}/{_INFO}", HTTPStatus.SEE_OTHER)

    return [Route(prefix + "{path:path}", iiif) for prefix in (IIIF, IIIF_BY_DECODER)]


def _named(request: Request) -> str:
    """The decoder that the path names."""
    return str(request.path_params.get("decoder", FAITHFUL))


def _id(site: Site, request: Request, key: str) -> str:
    return image_service(site, request, key, _named(request))


def _information(site: Site, request: Request, key: str) -> Response:
    row = stored_row(site, key)
    checked_decoder(row, _named(request))
    width, height = shown_size(site, row)
    content = image_information(_id(site, request, key), width, height, max_area=site.limits.max_area)
    speaks_ld = Accept(request.headers.get("accept")).names(_LD_JSON)
    media_type = f'{_LD_JSON};profile="{CONTEXT}"' if speaks_ld else "application/json"
    headers = {**keeping_for(request, "max-age=300"), "Vary": "Accept", "Link": f'<{PROFILE}>;rel="profile"'}
    return Response(json.dumps(content), HTTPStatus.OK, headers, media_type)


async def _image(site: Site, request: Request, words: ViewWords, row: CatalogueRow) -> Response:
    width, height = shown_size(site, row)
    max_area = site.limits.max_area
    try:
        view = read_view(words, width, height, max_area=max_area)
    except BadViewError as error:
        raise HttpProblem(HTTPStatus.BAD_REQUEST, str(error)) from error
    except NotOfferedError as error:
        raise HttpProblem(HTTPStatus.NOT_IMPLEMENTED, str(error)) from error
    view = replace(view, decoder=checked_decoder(row, _named(request)))
    canonical = f"{_id(site, request, row.key)}/{write_words(view, width, height, max_area=max_area)}"
    link = f'<{PROFILE}>;rel="profile", <{canonical}>;rel="canonical"'
    return await view_answer(site, request, row, view, {"Link": link})
