"""Arguments and options that several commands have, with one meaning."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

BundlePath: TypeAlias = Annotated[
    Path, typer.Argument(metavar="BUNDLE", help="A bundle from `goeswith fit`.")
]
Data: TypeAlias = Annotated[
    Path,
    typer.Argument(metavar="DATA", help="Folder of tables: products and events or relations."),
]
Config: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help="Project file; without it, goeswith.toml of the working folder if there is one.",
    ),
]
Json: TypeAlias = Annotated[
    bool, typer.Option("--json", help="Print the result as one JSON document.")
]
Replace: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--replace",
        help="Publish the new build even if it is empty or much worse than the last one.",
    ),
]
Where: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        metavar="FILTER",
        help="A filter on attributes, such as price<=20 or 'brand in Mu|Nu'; repeatable.",
    ),
]
Ban: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(metavar="PRODUCT", help="A product that is never shown; repeatable."),
]
Include: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(metavar="WHAT", help="Show products that are sold_out or hidden too; repeatable."),
]
Market: TypeAlias = Annotated[
    str | None,
    typer.Option(metavar="MARKET", help="Show products for this market, and apply its rules."),
]
Locale: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="LOCALE",
        help="Show titles of this locale, where the catalogue has them in a column such as "
        "title_de.",
    ),
]
PerType: TypeAlias = Annotated[
    int | None, typer.Option(min=1, metavar="N", help="Maximum per type.")
]
Diversity: TypeAlias = Annotated[
    float | None,
    typer.Option(
        min=0, max=1, metavar="SHARE", help="Discount of each further product of one type."
    ),
]
