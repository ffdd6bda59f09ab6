"""`goeswith serve`: a bundle over HTTP."""

from typing import Annotated

import typer

from goeswith.cli.options import BundlePath, Config


def command(
    bundle: BundlePath,
    host: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Address to listen on; only this machine (127.0.0.1) unless set.",
        ),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(min=1, max=65535, metavar="N", help="Port to listen on; 8000 unless set."),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=256,
            metavar="N",
            help="Processes that share the bundle in memory; 1 unless set.",
        ),
    ] = None,
    config: Config = None,
) -> None:
    """Serve recommendations over HTTP, with a page for people.

        goeswith serve bundle --port 8000

    The service runs until it is stopped, and serves a new build of the bundle as soon as it is
    complete.
    """
    from goeswith.core.errors import ConfigError
    from goeswith.settings.project_file import load_settings

    settings = load_settings(config).serve
    overrides = {"host": host, "port": port, "workers": workers}
    settings = settings.model_copy(update={k: v for k, v in overrides.items() if v is not None})

    def on_listening() -> None:
        address = f"http://{settings.host}:{settings.port}"
        typer.echo(
            f"the page: {address}/\n"
            f"the API:  {address}/v1/products/ID/complements (reference at /docs)",
            err=True,
        )

    try:
        from goeswith.serve.process.run_service import run

        code = run(bundle, settings, on_listening)
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"the service needs {error.name}, which is not installed: pip install 'goeswith[serve]'"
        ) from error
    raise typer.Exit(code)
