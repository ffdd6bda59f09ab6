"""`goeswith health`: what the recommendations of a bundle lack, and what changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from goeswith.cli.options import BundlePath, Json

if TYPE_CHECKING:
    from goeswith.cli.terminal_table import Table
    from goeswith.health.health_report import BuildChanges, HealthReport


def command(bundle: BundlePath, json: Json = False) -> None:
    """Show coverage, look-alikes, weak evidence, hubs, rules in use, and what changed.

        goeswith health bundle

    With --json, all of it; also over HTTP at /v1/health/recommendations.
    """
    from goeswith.cli.output import Output
    from goeswith.health.live_health import HealthReader
    from goeswith.query.bundle import Bundle

    report = HealthReader(Bundle.open(bundle)).report()
    tables = _tables(report)
    output = Output(json)
    output.result(_figures(report), report.model_dump(mode="json"), tables)
    for notice in report.notices:
        output.say(notice.text)


def _figures(report: HealthReport) -> Table:
    """Each figure in a line, for a pipe."""
    from goeswith.cli.terminal_table import Table

    groups: dict[str, dict[str, Any]] = {
        "coverage": report.coverage.model_dump(exclude={"models"}),
        "top_five": report.top_five.model_dump(),
        "issues": {str(name): count for name, count in report.issues.items()},
        "hubs": {hub.product_id: hub.share for hub in report.hubs},
        "rules": {one.rule: one.products for one in report.rules.firing},
    }
    if report.changes is not None:
        groups["changes"] = {
            name: value
            for name, value in report.changes.model_dump().items()
            if isinstance(value, int | str)
        }
    if report.log is not None:
        groups["log"] = {name: getattr(report.log, name) for name in ("first", "last", "missing")}
    records = [
        {"group": group, "name": name, "value": value}
        for group, values in groups.items()
        for name, value in values.items()
    ]
    return Table("", records, fields=("group", "name", "value"))


def _tables(report: HealthReport) -> list[Table | str]:
    from goeswith.cli.terminal_table import Column, Table, pairs_table

    def share(name: str) -> Column:
        return Column(name, lambda record: f"{record[name]:.1%}", is_figure=True)

    coverage, top = report.coverage, report.top_five
    figures = {
        "products": coverage.products,
        "without recommendations": coverage.without,
        "with fewer than five": coverage.few,
        "of fallback models only": coverage.fallback_only,
        "without a type": coverage.without_type,
        "in the top five of another": coverage.recommended,
        "sold out, hidden or deleted now": report.unavailable,
    }
    shares = {
        "look-alikes": top.look_alikes,
        "same type": top.same_type,
        "fallback models": top.fallback,
        "bought together": top.bought_together,
        "strong evidence": top.strong,
        "medium evidence": top.medium,
        "weak evidence": top.weak,
    }
    tables: list[Table | str] = [
        pairs_table("Coverage", {name: f"{value:,}" for name, value in figures.items()}),
        pairs_table(
            "Share of the first five recommendations",
            {name: f"{value:.1%}" for name, value in shares.items() if value is not None},
        ),
    ]
    hubs = [hub.model_dump() for hub in report.hubs[:5]]
    columns = [Column("product_id"), Column("title", drop=1), Column("lists"), share("share")]
    if hubs:
        tables.append(Table("Products in most top fives", hubs, columns))
    weak = [
        {**product.model_dump(), "issues": ", ".join(product.issues).replace("_", " ")}
        for product in report.weak_products[:10]
    ]
    columns = [Column(name) for name in ("product_id", "purchases", "recommendations", "issues")]
    columns.insert(1, Column("title", drop=1))
    if weak:
        tables.append(Table("Most purchased products with an issue", weak, columns))
    if report.rules.firing:
        records = [one.model_dump() for one in report.rules.firing[:10]]
        tables.append(Table(f"Rules in use ({report.rules.tried:,} products tried)", records))
    if report.changes is not None:
        tables += _change_tables(report.changes)
    if report.log is not None:
        log = report.log
        text = f"Log: {log.first} to {log.last}, {log.missing:,} days without events"
        tables.append(text)
    return tables


def _change_tables(changes: BuildChanges) -> list[Table | str]:
    from goeswith.cli.terminal_table import Table

    def words(moves: list[Any]) -> str:
        return ", ".join(f"{one.product_id} ({one.reason.replace('_', ' ')})" for one in moves)

    text = (
        f"Against the build {changes.last}: {changes.changed:,} of {changes.compared:,} top fives "
        f"changed, {changes.reordered:,} in order only; {changes.new_products:,} new products, "
        f"{changes.removed_products:,} removed"
    )
    records = [
        {
            "product_id": one.product_id,
            "entered": words(one.entered),
            "left": words(one.left),
            "rules": ", ".join(one.rules),
        }
        for one in changes.products[:10]
    ]
    return [text, Table("Most purchased products with changes", records)] if records else [text]
