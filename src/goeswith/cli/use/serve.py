"""`goeswith serve`: a bundle over HTTP."""

from pathlib import Path

import typer


def command(
    bundle: Path = typer.Argument(help="A bundle that `goeswith fit` left."),
    host: str | None = typer.Option(
        None, help="Address to listen on; only this machine (127.0.0.1) unless set."
    ),
    port: int | None = typer.Option(None, min=1, max=65535, help="Port to listen on; 8000."),
    workers: int | None = typer.Option(
        None, min=1, max=256, help="Processes that answer and share the bundle in memory; 1."
    ),
    config: Path | None = typer.Option(
        None, help="Project file; without it, goeswith.toml of the working folder, or defaults."
    ),
) -> None:
    """Answer over HTTP what goes with a product."""
    from goeswith.core.errors import ConfigError
    from goeswith.settings.project_file import load_settings

    settings = load_settings(config).serve
    overrides = {"host": host, "port": port, "workers": workers}
    settings = settings.model_copy(update={k: v for k, v in overrides.items() if v is not None})

    def on_listening() -> None:
        address = f"http://{settings.host}:{settings.port}"
        typer.echo(
            f"the page: {address}/\nanswers:  {address}/v1/products/ID/complements (docs at /docs)",
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
