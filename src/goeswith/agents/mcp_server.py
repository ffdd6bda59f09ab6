"""The tools of a bundle as a server of the Model Context Protocol, by the official SDK."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, Final

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.mcpserver.tools import Tool
from mcp_types import ToolAnnotations

from goeswith.agents.bundle_tools import BundleTools
from goeswith.agents.marked_text import NOTICE
from goeswith.core.errors import GoesWithError
from goeswith.core.printable import printable
from goeswith.core.version import __version__

MAX_BODY: Final = 1_000_000
"""Bytes of a request over HTTP."""
_READ_ONLY: Final = ToolAnnotations(
    read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False
)
_INSTRUCTIONS: Final = (
    "Complementary products of one shop: what to buy with a product or a basket, and the evidence "
    "for it. All tools only read. Find product ids with `search`. " + NOTICE
)


def create_server(path: Path, feedback: Path | None = None) -> MCPServer[None]:
    """A server of the bundle at a path, and of the results of a log; its tools only read.

    Raises:
        BundleError: there is no bundle, or it is damaged.
    """
    tools = [_tool(function) for function in BundleTools(path, feedback).functions]
    return MCPServer(
        "goeswith",
        instructions=_INSTRUCTIONS,
        version=__version__,
        tools=tools,
        log_level="WARNING",
    )


def _tool(function: Callable[..., dict[str, Any]]) -> Tool:
    tool = Tool.from_function(_with_tool_errors(function), annotations=_READ_ONLY)
    # an argument of another name is refused, not ignored
    arguments = tool.fn_metadata.arg_model
    arguments.model_config["extra"] = "forbid"
    arguments.model_rebuild(force=True)
    tool.parameters = arguments.model_json_schema(by_alias=True)
    return tool


def _with_tool_errors(function: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    @wraps(function)
    def call(**arguments: Any) -> dict[str, Any]:
        try:
            return function(**arguments)
        except GoesWithError as error:
            raise ToolError(printable(str(error))[:1000]) from error

    return call
