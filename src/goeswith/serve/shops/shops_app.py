"""One application for several shops: `/shops/NAME/` is the service of the shop NAME.

Each shop is a complete application, with its own bundle, keys, rules, feedback, log and page. This
one chooses it by the path, and has the health of the process and a page that lists the shops.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from contextlib import AsyncExitStack
from hashlib import sha256
from html import escape
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from starlette.responses import JSONResponse, Response

from goeswith.serve.app import create_app
from goeswith.serve.limits.allowed_hosts import allowed_hosts
from goeswith.serve.problem_details import problem
from goeswith.serve.prometheus_metrics import MetricFamilies

if TYPE_CHECKING:
    from pathlib import Path

    from fastapi import FastAPI
    from starlette.types import ASGIApp, Receive, Scope, Send

    from goeswith.query.bundle import Bundle
    from goeswith.settings.serve_settings import ServeSettings

PREFIX: Final = "/shops/"
_STYLE: Final = (
    "body{font:1rem/1.5 system-ui,sans-serif;max-width:40rem;margin:2rem auto;padding:0 1rem}"
    "li{margin:.5rem 0}@media(prefers-color-scheme:dark){body{background:#111;color:#eee}"
    "a{color:#8cf}}"
)
_STYLE_HASH: Final = b64encode(sha256(_STYLE.encode()).digest()).decode()
_HEADERS: Final = {
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class ShopsState:
    """What the server under the application needs of it.

    Attributes:
        metrics: counts connections that are refused before a shop is chosen.
    """

    def __init__(self, apps: Mapping[str, FastAPI], families: MetricFamilies) -> None:
        self._apps, self.metrics = apps, families

    @property
    def ending(self) -> bool:
        """Whether the service is shutting down."""
        return any(app.state.ending for app in self._apps.values())

    @ending.setter
    def ending(self, value: bool) -> None:
        for app in self._apps.values():
            app.state.ending = value


class ShopsApp:
    """ASGI application of several shops.

    Attributes:
        shops: name -> its application.
    """

    def __init__(
        self, shops: Mapping[str, FastAPI], settings: ServeSettings, families: MetricFamilies
    ) -> None:
        self.shops = shops
        self.state = ShopsState(shops, families)
        self._hosts = allowed_hosts(settings)
        self._page = _start_page(shops)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request on to its shop."""
        if scope["type"] == "lifespan":
            await self._run_lifespan(receive, send)
        elif scope["type"] == "http":
            await self._choose(scope)(scope, receive, send)

    def _choose(self, scope: Scope) -> ASGIApp:
        path: str = scope["path"]
        if path.startswith(PREFIX):
            name, slash, rest = path[len(PREFIX) :].partition("/")
            shop = self.shops.get(name)
            if shop is not None and slash:
                scope["path"] = f"/{rest}"
                scope["raw_path"] = quote(scope["path"]).encode()
                return shop
        if self._hosts is not None and not self._hosts.allows(scope):
            return problem(421, "the service does not answer to this Host; see serve.hosts")
        if scope["method"] in {"GET", "HEAD"}:
            if path == "/":
                return Response(self._page, headers=_HEADERS, media_type="text/html")
            if path == "/v1/health/live":
                return self._health("live")
            if path == "/v1/health/ready":
                ending = problem(503, "the service is shutting down")
                return ending if self.state.ending else self._health("ready")
        return self._not_found(path)

    def _not_found(self, path: str) -> Response:
        if not path.startswith(PREFIX):
            return problem(404, f"the shop is part of the path: {PREFIX}NAME/v1/…")
        name = path[len(PREFIX) :].partition("/")[0]
        if name in self.shops:
            return problem(404, f"the page of the shop is {PREFIX}{name}/")
        return problem(404, f"there is no shop {name[:80]!r} in this service")

    def _health(self, status: str) -> Response:
        return JSONResponse({"status": status, "shops": len(self.shops)})

    async def _run_lifespan(self, receive: Receive, send: Send) -> None:
        """Start and end every shop."""
        await receive()
        async with AsyncExitStack() as stack:
            for app in self.shops.values():
                await stack.enter_async_context(app.router.lifespan_context(app))
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})


def create_shops_app(
    shops: Mapping[str, tuple[Path | str | Bundle, ServeSettings]], settings: ServeSettings
) -> ShopsApp:
    """The service of several shops.

    Args:
        shops: name -> bundle and settings, as of `create_app`.
        settings: of the table `serve`, for the process.

    Raises:
        BundleError, ConfigError: as `create_app`; the message begins with the name of the shop.
    """
    families = MetricFamilies(several=True)
    apps: dict[str, Any] = {}
    for name, (bundle, own) in shops.items():
        apps[name] = create_app(bundle, own, families=families, shop=name)
        apps[name].servers = [{"url": f"{PREFIX}{name}"}]  # of the OpenAPI schema
    return ShopsApp(apps, settings, families)


def _start_page(shops: Mapping[str, FastAPI]) -> str:
    """Links to the pages of the shops; none if a shop has keys, as names are no public matter."""
    if any(app.state.has_keys for app in shops.values()):
        body = f"<p>The page of a shop is <code>{PREFIX}NAME/</code>.</p>"
    else:
        links = (
            f'<li><a href="shops/{escape(name)}/">{escape(name)}</a></li>' for name in sorted(shops)
        )
        body = f"<ul>{''.join(links)}</ul>"
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><title>goeswith: shops</title>'
        f"<style>{_STYLE}</style></head><body><main><h1>Shops</h1>{body}</main></body></html>"
    )
