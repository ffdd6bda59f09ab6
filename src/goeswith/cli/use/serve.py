"""`goeswith serve`: a bundle over HTTP."""

from typing import Annotated

import typer

from goeswith.cli.options import Config
from goeswith.serve.shops.shop_arguments import served_shops


def command(
    bundles: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="BUNDLE | NAME=BUNDLE ...",
            help="A bundle from `goeswith fit`; or several, each with the name of its shop. "
            "Without, the shops of the project file.",
            show_default=False,
        ),
    ] = None,
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
    """Serve recommendations over HTTP, with a web page.

        goeswith serve bundle --port 8000

    The service runs until it is stopped, and serves a new build of the bundle as soon as it is
    complete.

        goeswith serve north=bundles/north south=bundles/south

    Each shop has the path /shops/NAME/, and its settings are in the table [shops.NAME] of the
    project file.
    """
    from goeswith.core.errors import ConfigError
    from goeswith.settings.project_file import load_settings
    from goeswith.store.early_checksums import start_checksums

    project = load_settings(config)
    settings = project.serve
    overrides = {"host": host, "port": port, "workers": workers}
    settings = settings.model_copy(update={k: v for k, v in overrides.items() if v is not None})

    shops = served_shops(bundles or [], project.shops, settings)
    for path, _ in shops.values():
        start_checksums(path)

    def on_listening() -> None:
        address = f"http://{settings.host}:{settings.port}"
        for name in shops:
            base = address if name is None else f"{address}/shops/{name}"
            typer.echo(
                f"the page: {base}/\n"
                f"the API:  {base}/v1/products/ID/complements (reference at {base}/docs)",
                err=True,
            )

    try:
        from goeswith.serve.process.run_service import run

        code = run(shops, settings, on_listening)
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"the service needs {error.name}, which is not installed: pip install 'goeswith[serve]'"
        ) from error
    raise typer.Exit(code)
