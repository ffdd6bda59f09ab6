"""`goeswith relations`: relations between the products of a shop."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from goeswith.relations.graph import RelationGraph
    from goeswith.relations.mining_report import MiningReport


def command(
    data: Annotated[Path, typer.Argument(help="A folder of tables.", metavar="DATA")],
    out: Annotated[
        Path | None,
        typer.Option(help="Write every edge to relations.parquet here.", metavar="FOLDER"),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(help="Project file; goeswith.toml here if there is one.", metavar="FILE"),
    ] = None,
    top: Annotated[int, typer.Option(min=1, help="How many edges to show.")] = 20,
    product: Annotated[
        str | None, typer.Option(help="Only edges from this product.", metavar="ID")
    ] = None,
    relation: Annotated[
        str,
        typer.Option(
            help="co_purchase, co_view, view_then_purchase, or a signal: complements, similars."
        ),
    ] = "co_purchase",
    sort: Annotated[
        str, typer.Option(help="count, confidence, confidence_lower, lift, pmi, pmi_lower or llr.")
    ] = "llr",
) -> None:
    """Count which products are bought together, compared, or bought after a view.

    Shows the counts and the strongest edges. Relations that the data provide as lists are used as
    they are; otherwise they are mined from the events.
    """
    from goeswith.cli.output import console, progress_bar, records_table
    from goeswith.core.atomic_files import write_parquet
    from goeswith.core.errors import ConfigError
    from goeswith.data.folder import load_data
    from goeswith.relations.build_graph import build_graph
    from goeswith.relations.measures import MEASURES
    from goeswith.relations.mining_report import MiningReport
    from goeswith.relations.relation import RELATIONS
    from goeswith.relations.relation_table import edge_table, strongest
    from goeswith.settings.project_file import load_settings

    shown = (*RELATIONS, "complements", "similars")
    if relation not in shown:
        raise ConfigError(f"no relation is called {relation!r}; show one of {', '.join(shown)}")
    if sort not in MEASURES:
        raise ConfigError(f"no measure is called {sort!r}; sort by one of {', '.join(MEASURES)}")
    settings = load_settings(config)
    report = MiningReport()
    with progress_bar() as progress:
        progress(0, 3, f"reading {data}")
        dataset = load_data(data, settings.data.max_bad_share)
        source = None if product is None else dataset.catalog.row(product)
        progress(1, 3, "counting pairs")
        graph = build_graph(dataset, settings.relations, report)
        progress(2, 3, "weighing edges")
        edges = graph[relation] if relation in RELATIONS else getattr(graph, relation)
        best = strongest(edges, dataset.catalog, sort, top, source)
        if out is not None:
            write_parquet(edge_table(graph, dataset.catalog), out / "relations.parquet")
    screen = console()
    if aside := dataset.quarantine.counts().to_dicts():
        screen.print(records_table("Rows set aside", aside))
    screen.print(records_table(f"Relations of {_plain(dataset.name)}", _summary(graph, report)))
    for note in report.notes:
        screen.print(note, markup=False, soft_wrap=True)
    title = f"Strongest by {sort}: {relation}" + (f" of {product}" if product else "")
    if len(best):
        screen.print(records_table(_plain(title), [_edge_record(edge) for edge in best.to_dicts()]))
    else:
        screen.print(f"{title}: none", markup=False)
    if out is not None:
        screen.print(f"edges: {out / 'relations.parquet'}", markup=False, soft_wrap=True)


def _plain(title: str) -> str:
    return title.replace("[", r"\[")


def _summary(graph: RelationGraph, report: MiningReport) -> list[dict[str, Any]]:
    """A line for each relation and signal; columns of mining are None for lists."""
    mined = {entry.relation: entry for entry in report.relations}
    lines = []
    for name in sorted(graph.relations):
        entry = mined.get(name)
        lines.append(
            {
                "relation": name,
                "edges": len(graph[name]),
                "from": f"{entry.contexts:,} {entry.contexts_are}" if entry else "lists",
                "too large": entry and entry.giants,
                "beyond the cap of a user": entry and entry.capped,
                "events without a place": entry and entry.unplaced,
                "pairs seen": entry and entry.pairs,
                "below support": entry and entry.below_support,
                "order recorded": entry and entry.order_known,
            }
        )
    for name, edges in (("complements", graph.complements), ("similars", graph.similars)):
        empty = dict.fromkeys(lines[0] if lines else ())
        lines.append({**empty, "relation": name, "edges": len(edges), "from": "signal"})
    return lines


def _edge_record(edge: dict[str, Any]) -> dict[str, Any]:
    first = edge["source_first"]
    return {
        "source": _product_label(edge, "source"),
        "target": _product_label(edge, "target"),
        "count": edge["count"],
        "source first": None if first is None else f"{first / edge.get('seen', edge['count']):.0%}",
        **{name: edge[name] for name in ("confidence", "lift", "pmi", "pmi_lower", "llr")},
    }


def _product_label(edge: dict[str, Any], end: str) -> str:
    title = edge.get(f"{end}_title")
    return f"{title} ({edge[end]})" if title else edge[end]
