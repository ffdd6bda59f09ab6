"""`goeswith relations`: relations between the products of a shop."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from goeswith.cli.options import Config, Data, Json

if TYPE_CHECKING:
    from goeswith.cli.terminal_table import Record, Table
    from goeswith.relations.graph import RelationGraph
    from goeswith.relations.mining_report import MiningReport


def command(
    data: Data,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", metavar="FOLDER", help="Write every edge to relations.parquet here."
        ),
    ] = None,
    config: Config = None,
    top: Annotated[int, typer.Option(min=1, metavar="N", help="How many edges to show.")] = 20,
    product: Annotated[
        str | None, typer.Option(help="Only edges from this product.", metavar="PRODUCT")
    ] = None,
    relation: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="co_purchase, co_view, view_then_purchase, or a signal: complements, similars.",
        ),
    ] = "co_purchase",
    sort: Annotated[
        str,
        typer.Option(
            metavar="MEASURE",
            help="count, confidence, confidence_lower, lift, pmi, pmi_lower or llr.",
        ),
    ] = "llr",
    json: Json = False,
) -> None:
    """Count pairs of products bought together, viewed together or bought after a view.

        goeswith relations shop --sort lift --top 10

    Shows the counts and the strongest edges. Relations that the data provide as lists are used as
    they are; otherwise they are mined from the events.
    """
    import polars as pl

    from goeswith.cli.output import Output, progress_bar
    from goeswith.core.atomic_files import write_parquet
    from goeswith.core.errors import ConfigError
    from goeswith.data.folder import load_data
    from goeswith.relations.build_graph import build_graph
    from goeswith.relations.measures import MEASURES
    from goeswith.relations.mining_report import MiningReport
    from goeswith.relations.relation import RELATIONS
    from goeswith.relations.relation_table import edge_table, strongest_edges
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
        dataset = load_data(data, settings=settings.data)
        source = None if product is None else dataset.catalog.row(product)
        progress(1, 3, "counting pairs")
        graph = build_graph(dataset, settings.relations, report)
        progress(2, 3, "weighing edges")
        edges = graph[relation] if relation in RELATIONS else getattr(graph, relation)
        best = strongest_edges(edges, dataset.catalog, sort, top, source)
        if out is not None:
            write_parquet(edge_table(graph, dataset.catalog), out / "relations.parquet")
    output = Output(json)
    output.load(dataset)
    summary = _summary(graph, report)
    output.aside(_summary_table(dataset.name, summary))
    for note in report.notes:
        output.say(note)
    title = f"Strongest by {sort}: {relation}" + (f" of {product}" if product else "")
    ends = [f"{end}{suffix}" for end in ("source", "target") for suffix in ("", "_title")]
    best = best.select(*(name for name in ends if name in best.columns), pl.exclude(ends))
    table = _edge_table(title, best.to_dicts(), best.columns)
    document = {
        "data": dataset.name,
        "load": dataset.report.to_dict(),
        "relations": summary,
        "notes": list(report.notes),
        "relation": relation,
        "sort": sort,
        "product": product,
        "edges": table.records,
    }
    output.result(table, document, shown=[table] if len(best) else [f"{title}: none"])
    if out is not None:
        output.say(f"edges: {out / 'relations.parquet'}")


def _summary(graph: RelationGraph, report: MiningReport) -> list[dict[str, Any]]:
    """What was counted for each relation, and the edges of each and of the signals."""
    mined = {entry.relation: entry for entry in report.relations}
    records = []
    for name in sorted(graph.relations):
        entry = mined.get(name)
        records.append(
            {
                "relation": name,
                "edges": len(graph[name]),
                "from": f"{entry.contexts:,} {entry.contexts_are}" if entry else "lists",
                "oversized": entry and entry.oversized,
                "capped": entry and entry.capped,
                "without_context": entry and entry.without_context,
                "pairs": entry and entry.pairs,
                "below_support": entry and entry.below_support,
                "has_order": entry and entry.order_known,
            }
        )
    for name, edges in (("complements", graph.complements), ("similars", graph.similars)):
        empty = dict.fromkeys(records[0] if records else ())
        records.append({**empty, "relation": name, "edges": len(edges), "from": "signal"})
    return records


def _summary_table(data: str, records: list[dict[str, Any]]) -> Table:
    from goeswith.cli.terminal_table import Column, Table

    columns = [
        Column("relation", min_width=18),
        Column("edges"),
        Column("from"),
        Column("too large", lambda r: r.get("oversized"), drop=2),
        Column("over user cap", lambda r: r.get("capped"), drop=4),
        Column("without context", lambda r: r.get("without_context"), drop=5),
        Column("pairs", drop=3),
        Column("below support", lambda r: r.get("below_support"), drop=1),
        Column("order recorded", lambda r: r.get("has_order"), drop=6),
    ]
    return Table(f"Relations of {data}", records, columns)


def _edge_table(title: str, edges: list[dict[str, Any]], fields: list[str]) -> Table:
    from goeswith.cli.terminal_table import Column, Table

    def label(end: str) -> Column:
        def value(edge: Record) -> str:
            name = edge.get(f"{end}_title")
            return f"{name} ({edge[end]})" if name else str(edge[end])

        return Column(end, value)

    def first(edge: Record) -> str | None:
        count = edge["source_first"]
        return None if count is None else f"{count / edge.get('seen', edge['count']):.0%}"

    columns = [
        label("source"),
        label("target"),
        Column("count"),
        Column("source first", first, drop=1, is_figure=True),
        Column("confidence", drop=2),
        Column("lift"),
        Column("pmi", drop=3),
        Column("pmi_lower", drop=4),
        Column("llr"),
    ]
    return Table(title, edges, columns, fields)
