"""`goeswith kinds map|learn`: a shop's own types, and what its log says of the table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from goeswith.cli.options import Config, Json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from goeswith.cli.terminal_table import Table
    from goeswith.pipeline.kinds_learn import LearnedLink

Shop = Annotated[Path, typer.Argument(metavar="SHOP", help="Folder of the tables of a shop.")]
_SHOWN = 20


def map_types(
    shop: Shop,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="FILE",
            help="Write the map here; kinds.csv in the shop's folder is read by itself.",
        ),
    ] = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Propose a kind for each product type of a shop, for a person to edit.

        goeswith kinds map shop -o shop/kinds.csv

    Where four of five products of a type have one kind, that is proposed. An empty kind leaves
    each product to its title; `none` says that a type has no kind.
    """
    from dataclasses import asdict

    from goeswith.cli.output import Output, progress_bar
    from goeswith.cli.terminal_table import Column, Table
    from goeswith.core.atomic_files import write_text
    from goeswith.data.folder import load_data
    from goeswith.kinds.catalog_kinds import tag_catalog
    from goeswith.kinds.shop_map import map_text, propose_map
    from goeswith.settings.project_file import load_settings

    settings = load_settings(config)
    with progress_bar() as progress:
        progress(0, 2, f"reading {shop}")
        dataset = load_data(shop, settings=settings.data)
        progress(1, 2, "reading titles")
        rows = propose_map(dataset.catalog, tag_catalog(dataset.catalog))
    if out is not None:
        write_text(map_text(rows), out)
    records = [asdict(row) for row in rows]
    columns = [
        Column("type"),
        Column("products"),
        Column("kind"),
        Column("share", lambda row: f"{row['share']:.0%}", is_figure=True),
        Column("others", lambda row: ", ".join(row["others"]), drop=2),
        Column("examples", lambda row: "; ".join(row["examples"])[:60], drop=1),
    ]
    output = Output(json)
    output.quarantine(dataset.quarantine)
    output.result(Table(f"Types of {dataset.name}", records, columns), {"types": records})
    mapped = sum(bool(row.kind) for row in rows)
    output.say(f"{len(rows):,} types, {mapped:,} with a kind for all their products")
    if out is not None:
        output.say(f"{out}: the map; edit its column kind")


def learn(
    shop: Shop,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE", help="Write every row here (CSV).")
    ] = None,
    config: Config = None,
    min_count: Annotated[
        int, typer.Option(min=1, metavar="N", help="Baskets with both kinds of a suggestion.")
    ] = 10,
    min_lift: Annotated[
        float,
        typer.Option(min=1, metavar="LIFT", help="Lower bound of the lift of a suggestion."),
    ] = 2.0,
    json: Json = False,
) -> None:
    """Compare the table of kinds with a shop's log: links confirmed, contradicted and suggested.

        goeswith kinds learn shop -o links.csv

    The first five columns are those of a file of links. A suggestion has no reason and no
    strength: a person who accepts it fills them in.
    """
    from dataclasses import asdict

    from goeswith.cli.output import Output, progress_bar
    from goeswith.core.atomic_files import write_text
    from goeswith.data.folder import load_data
    from goeswith.kinds.shop_map import with_shop_kinds
    from goeswith.pipeline.kinds_learn import learn_links, links_text
    from goeswith.settings.project_file import load_settings

    settings = load_settings(config)
    with progress_bar() as progress:
        progress(0, 2, f"reading {shop}")
        dataset = load_data(shop, settings=settings.data)
        dataset = with_shop_kinds(dataset, settings.kinds.map)
        progress(1, 2, "counting pairs of kinds")
        learned = learn_links(dataset, settings.relations, min_count=min_count, min_lift=min_lift)
    if out is not None:
        write_text(links_text(learned.links), out)
    output = Output(json)
    output.quarantine(dataset.quarantine)
    counts = learned.counts()
    document = {
        "products": learned.products,
        "tagged": learned.tagged,
        "kinds": learned.kinds,
        "checked": learned.checked,
        "baskets": learned.baskets,
        "counts": counts,
        "links": [asdict(link) for link in learned.links],
    }
    everything = _table("Links", learned.links)
    shown = [
        _table(f"{status.capitalize()} ({counts[status]:,})", members[:_SHOWN])
        for status in ("contradicted", "suggested", "confirmed")
        if (members := [link for link in learned.links if link.status == status])
    ]
    output.result(everything, document, shown)
    output.say(
        f"{learned.tagged:,} of {learned.products:,} products have one of {learned.kinds:,} kinds; "
        f"of {learned.checked:,} links between those, {counts['confirmed']:,} are confirmed, "
        f"{counts['contradicted']:,} contradicted and {counts['undecided']:,} undecided; "
        f"{counts['suggested']:,} are suggested"
    )
    if out is not None:
        output.say(f"{out}: {len(learned.links):,} rows")


def _table(title: str, links: Sequence[LearnedLink]) -> Table:
    from dataclasses import asdict, fields

    from goeswith.cli.terminal_table import Column, Table
    from goeswith.pipeline.kinds_learn import LearnedLink

    columns = [
        Column("source"),
        Column("target"),
        Column("reason", drop=2, min_width=10),
        Column("strength", drop=3),
        Column("count"),
        Column("expected", drop=1),
        Column("lift"),
    ]
    names = [field.name for field in fields(LearnedLink)]
    return Table(title, [asdict(link) for link in links], columns, names)
