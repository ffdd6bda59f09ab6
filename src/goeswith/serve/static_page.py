"""The page: static files beside this module, served with headers that let nothing else run."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.applications import Starlette

_FOLDER: Final = Path(__file__).parent / "page"
_KINDS: Final = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}
_HEADERS: Final = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
}


# with trusted types, a browser refuses to turn strings into markup
_POLICY: Final = (
    "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "object-src 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)


def add_page(app: Starlette, image_origins: Sequence[str] = ()) -> None:
    """Serve the page at `/` and its files below `/assets/`.

    Args:
        app: the service.
        image_origins: hosts, with scheme, from which the page may load pictures.

    The files are read once. Their path contains a hash of all of them, so that browsers may cache
    them for ever and never mix two versions; the page itself is revalidated by its ETag.
    """
    files = {
        path.relative_to(_FOLDER).as_posix(): path.read_bytes()
        for path in sorted(_FOLDER.rglob("*"))
        if path.suffix in _KINDS
    }
    digest = sha256()
    for name, content in files.items():
        digest.update(f"{name} {len(content)} ".encode() + content)
    version = digest.hexdigest()[:16]
    policy = " ".join([f"{_POLICY}; img-src 'self'", *image_origins])
    common = {**_HEADERS, "Content-Security-Policy": policy}
    # relative addresses, so that the page also works below a path of a gateway
    index = files.pop("index.html").replace(b'"assets/', f'"assets/{version}/'.encode())
    etag = f'"{version}-{sha256(policy.encode()).hexdigest()[:8]}"'

    async def page(request: Request) -> Response:
        headers = {**common, "Cache-Control": "no-cache", "ETag": etag}
        if etag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        return Response(index, headers=headers, media_type=_KINDS[".html"])

    async def asset(request: Request) -> Response:
        requested, _, name = request.path_params["name"].partition("/")
        if requested != version or name not in files:
            raise HTTPException(404, "the page has no such file; load it again")
        headers = {**common, "Cache-Control": "public, max-age=31536000, immutable"}
        return Response(files[name], headers=headers, media_type=_KINDS[Path(name).suffix])

    app.add_route("/", page, include_in_schema=False)
    app.add_route("/assets/{name:path}", asset, include_in_schema=False)
