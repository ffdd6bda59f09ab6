"""Commands whose help shows what to give, without the types of the code.

Plain values are read without pydantic.
"""

from __future__ import annotations

from typing import Any

import typer.core

from goeswith.cli.plain_values import read_plainly


class PlainCommand(typer.core.TyperCommand):
    """A command; a parameter without a metavar shows none."""

    def get_params(self, ctx: Any) -> list[Any]:
        """The parameters, those of typer such as `--help` included."""
        return _without_types(super().get_params(ctx))


class PlainGroup(typer.core.TyperGroup):
    """A group of commands; likewise."""

    def get_params(self, ctx: Any) -> list[Any]:
        """The parameters, those of typer such as `--help` included."""
        return _without_types(super().get_params(ctx))


def _without_types(params: Any) -> list[Any]:
    for param in params:
        read_plainly(param)
        if param.param_type_name == "argument":
            # its name says what to give
            param.display_type_rich = lambda ctx: ""
        elif param.metavar is None:
            param.metavar = ""
    return list(params)
