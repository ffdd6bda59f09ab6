"""Former spellings of options that name a file to write, read for one more version."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import typer

from goeswith.cli.plain_help import PlainCommand
from goeswith.core.errors import ConfigError

_SUFFIXES: Final = {
    "--json": {".json"},
    "--html": {".html"},
    "--plot": {".png", ".svg"},
}
"""Former option -> suffixes of its file. `--json` is now a flag: only such a name is its file."""


class FormerFileOptions(PlainCommand):
    """A command that reads `--json FILE`, `--html FILE` and `--plot FILE` as `--out FILE`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Replace former options, with a warning."""
        return super().parse_args(ctx, replace_former(args))


def replace_former(arguments: list[str]) -> list[str]:
    """Arguments with every former option that names a file replaced by `--out`.

    Raises:
        ConfigError: a former option with a file of another kind.

    >>> replace_former(["shop", "--out", "a.json"])
    ['shop', '--out', 'a.json']
    """
    replaced: list[str] = []
    rest = iter(range(len(arguments)))
    for at in rest:
        option, equals, value = arguments[at].partition("=")
        if arguments[at] == "--":
            return [*replaced, *arguments[at:]]
        if not equals and at + 1 < len(arguments):
            value = arguments[at + 1]
        if Path(value).suffix not in _SUFFIXES.get(option, ()):
            if option in ("--html", "--plot"):
                raise ConfigError(
                    f"{option} is now --out FILE, and the name ends in "
                    f"{' or '.join(sorted(_SUFFIXES[option]))}"
                )
            replaced.append(arguments[at])
            continue
        if not equals:
            next(rest)
        typer.echo(
            f"warning: {option} {value} is now written --out {value}; the next version refuses "
            "the former spelling",
            err=True,
        )
        replaced += ["--out", value]
    return replaced
