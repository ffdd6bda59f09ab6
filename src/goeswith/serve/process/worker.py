"""What a process of the service runs: an application on a socket, and what reloads its bundle."""

from __future__ import annotations

import signal
import socket
import sys
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from goeswith.core.errors import ConfigError
from goeswith.serve.process.reloader import Reloader

if TYPE_CHECKING:
    from fastapi import FastAPI

    from goeswith.query.bundle import Bundle
    from goeswith.serve.process.build_verifier import BuildVerifier
    from goeswith.serve.process.reloader import Outcome
    from goeswith.serve.process.served_bundle import ServedBundle
    from goeswith.serve.shops.shops_app import ShopsApp
    from goeswith.settings.serve_settings import ServeSettings

_SWITCH_SECONDS: Final = 0.0005
"""Seconds for which a thread that computes may keep others waiting: the loop answers short requests
and health meanwhile.
"""


def open_socket(settings: ServeSettings) -> socket.socket:
    """A socket that listens.

    Raises:
        ConfigError: the port is in use, or there is no such address.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        raise ConfigError(
            f"serve.host = {settings.host!r} is not an address of this machine: {error.strerror}"
        ) from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(2048)
    except OSError as error:
        listener.close()
        raise ConfigError(
            f"cannot listen on {settings.host}:{settings.port}: {error.strerror}; choose another "
            "address with --host and --port"
        ) from error
    listener.setblocking(False)
    return listener


def run_worker(
    served: Sequence[ServedBundle], settings: ServeSettings, listener: socket.socket
) -> None:
    """Answer in this process until a signal ends it, and take up new bundles meanwhile.

    Args:
        served: the bundle, or those of several shops. Each is given away, as its build stays on
            disk for as long as anything refers to it.
        settings: of the table `serve`.
        listener: accepts requests.
    """
    from goeswith.serve.app import create_app
    from goeswith.serve.process.server import serve
    from goeswith.serve.shops.shops_app import create_shops_app

    sys.setswitchinterval(_SWITCH_SECONDS)
    app: FastAPI | ShopsApp
    if served[0].shop is None:
        app = create_app(served[0].take(), served[0].settings)
        apps = [app]
    else:
        app = create_shops_app(  # no name for the bundles: it would hold their first builds
            {str(one.shop): (one.take(), one.settings) for one in served}, settings
        )
        apps = list(app.shops.values())
    reloaders = [
        make_reloader(own, one.path, one.verifier) for own, one in zip(apps, served, strict=True)
    ]

    def wake(*_: object) -> None:
        for reloader in reloaders:
            reloader.wake()

    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, wake)
    for reloader in reloaders:
        reloader.start(settings.reload_seconds)
    # the schema takes half a second; the first request with parameters would wait for it
    schemas = [threading.Thread(target=one.openapi, daemon=True) for one in apps]
    for schema in schemas:
        schema.start()
    try:
        serve(app, settings, sockets=[listener])
    finally:
        for reloader in reloaders:
            reloader.stop()
        for schema in schemas:
            schema.join()


def make_reloader(
    app: FastAPI, path: Path | str, verifier: BuildVerifier | None = None
) -> Reloader:
    """The reloader of an application, with metrics and log."""
    holder, metrics, log = app.state.snapshot_holder, app.state.metrics, app.state.log

    def swap(bundle: Bundle) -> None:
        new = replace(holder(), bundle=bundle)
        # warm-up: the first request is the slowest
        if len(bundle):
            bundle.complements(bundle.products.ids[0], 1)
        holder.swap(new)

    def on_reload(outcome: Outcome, bundle: str, why: str | None) -> None:
        metrics.count_reload(outcome)
        fields = {"event": "reload", "outcome": outcome, "bundle": bundle}
        if log is not None:
            log.write({**fields, **({"why": why} if why else {})})
        elif why:
            print(f"a new bundle is {outcome}: {why}", file=sys.stderr, flush=True)  # noqa: T201

    return Reloader(path, lambda: holder().bundle, swap, verifier, on_reload)
