"""`goeswith serve`: a bundle over HTTP."""

from pathlib import Path

import typer


def command(
    bundle: Path = typer.Argument(help="A bundle that `goeswith fit` left."),
    host: str | None = typer.Option(
        None, help="Address to listen on; only this machine (127.0.0.1) unless set."
    ),
    port: int | None = typer.Option(None, min=1, max=65535, help="Port to listen on; 8000."),
    config: Path | None = typer.Option(
        None, help="Project file; without it, goeswith.toml of the working folder, or defaults."
    ),
) -> None:
    """Answer over HTTP what goes with a product."""
    from goeswith.config import load_settings
    from goeswith.errors import ConfigError

    settings = load_settings(config).serve
    given = {"host": host, "port": port}
    settings = settings.model_copy(update={k: v for k, v in given.items() if v is not None})
    try:
        from goeswith.serve.app import create_app
        from goeswith.serve.server import serve
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"the service needs {error.name}, which is not installed: pip install 'goeswith[serve]'"
        ) from error
    app = create_app(bundle, settings)
    typer.echo(
        f"the page: http://{settings.host}:{settings.port}/\n"
        f"answers:  http://{settings.host}:{settings.port}/v1/products/ID/complements "
        "(docs at /docs)",
        err=True,
    )
    serve(app, settings)
