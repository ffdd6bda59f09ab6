"""`goeswith mcp`: a bundle as tools for agents."""

from pathlib import Path
from typing import Annotated

import typer

from goeswith.cli.options import BundlePath


def command(
    bundle: BundlePath,
    http: Annotated[
        int | None,
        typer.Option(
            "--http",
            min=1,
            max=65535,
            metavar="PORT",
            help="Serve streamable HTTP on this port of 127.0.0.1 instead of stdin and stdout.",
        ),
    ] = None,
    feedback: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="The folder serve.feedback: adds the tool results, with revenue."
        ),
    ] = None,
) -> None:
    """Serve recommendations to AI assistants over the Model Context Protocol; read only.

        goeswith mcp bundle

    The tools are complements, basket, compare, why, search, health and, with --feedback, results. A
    new build of the bundle is used as soon as it is complete.
    """
    from goeswith.core.errors import ConfigError

    try:
        from goeswith.agents.mcp_server import MAX_BODY, create_server
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"the server of agents needs {error.name}, which is not installed: "
            "pip install 'goeswith[mcp]'"
        ) from error
    if feedback is not None and not feedback.is_dir():
        raise ConfigError(f"--feedback: there is no folder {feedback}; use that of serve.feedback")
    server = create_server(bundle, feedback)
    if http is None:
        server.run("stdio")
        return
    typer.echo(f"MCP over streamable HTTP: http://127.0.0.1:{http}/mcp", err=True)
    server.run("streamable-http", port=http, max_request_body_size=MAX_BODY)
