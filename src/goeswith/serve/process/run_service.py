"""Serving bundles until a signal ends it, in this process or by workers."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from goeswith.core.errors import ConfigError
from goeswith.serve.process.served_bundle import ServedBundle
from goeswith.serve.process.worker import open_socket, run_worker

if TYPE_CHECKING:
    from goeswith.settings.serve_settings import ServeSettings


def run(
    shops: Mapping[str | None, tuple[Path, ServeSettings]],
    settings: ServeSettings,
    on_listening: Callable[[], None],
) -> int:
    """Serve a bundle, or those of several shops, until a signal ends it; the exit code.

    Args:
        shops: name, or None for the only bundle -> bundle and settings for it.
        settings: of the table `serve`.
        on_listening: called once the bundle is checked and the socket accepts requests.

    Raises:
        BundleError: the bundle cannot be answered from.
        ConfigError: a setting cannot be used.
    """
    if settings.workers == 1:
        import goeswith.serve.app
        import goeswith.serve.process.server  # noqa: F401  missing libraries fail before it listens

        served = [ServedBundle.open(name, path, own) for name, (path, own) in shops.items()]
        with open_socket(settings) as listener:
            on_listening()
            run_worker(served, settings, listener)
        return 0
    if not hasattr(os, "fork"):
        raise ConfigError(
            f"serve.workers = {settings.workers}: this system cannot share a bundle between "
            "processes; set it to 1, and start several services behind a load balancer"
        )
    from goeswith.serve.process.supervisor import Supervisor

    return Supervisor(shops, settings, on_listening).run()
