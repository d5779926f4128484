"""Keys in paths. They hold slashes and anything else, so they are read from what the client sent, undecoded: `a%2Fb`
and `a/b` both name the key `a/b`, as proxies may decode the one to the other."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote, unquote

from starlette.requests import Request

from codec.contract import FAITHFUL
from pipeline.serve.site import Site

IIIF: Final = "/iiif/3/"
IIIF_BY_DECODER: Final = "/decoders/{decoder}/iiif/3/"


def segments_below(request: Request, prefix: str) -> list[str]:
    """The segments of the path behind those of a prefix, each decoded: one that held `%2F` holds a slash."""
    sent: bytes = request.scope.get("raw_path") or quote(request.scope["path"]).encode()
    path = sent.decode("ascii", "replace").partition("?")[0].removeprefix(request.scope.get("root_path", ""))
    return [unquote(segment) for segment in path.split("/")[prefix.count("/") :]]


def key_below(request: Request, prefix: str) -> str:
    """The rest of the path as a key."""
    return "/".join(segments_below(request, prefix))


def address(site: Site, request: Request) -> str:
    """Where clients reach this server, without a slash at the end."""
    if site.public_url is not None:
        return site.public_url
    return f"{request.url.scheme}://{request.url.netloc}{request.scope.get('root_path', '')}"


def quoted_key(key: str) -> str:
    """A key as one segment of a path."""
    return quote(key, safe="")


def iiif_prefix(decoder: str | None) -> str:
    """What stands before a key in paths of IIIF: those of a decoder, or of an image as such."""
    return IIIF if decoder is None else IIIF_BY_DECODER.format(decoder=quote(decoder, safe=":"))


def image_service(site: Site, request: Request, key: str, decoder: str) -> str:
    """The address of an image for IIIF, to which its viewers add what they want of it."""
    prefix = iiif_prefix(None if decoder == FAITHFUL else decoder)
    return f"{address(site, request)}{prefix}{quoted_key(key)}"
