"""Recommendations as tables and as records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from goeswith.cli.terminal_table import Column, Record, Table

if TYPE_CHECKING:
    from goeswith.query.recommendation import Recommendation

FIELDS: Final = (
    "rank",
    "product_id",
    "title",
    "type",
    "relation",
    "goes_with",
    "why",
    "explanation",
    "score",
    "model",
    "fallback",
    "pinned",
    "more_variants",
)
"""Of a recommendation in a pipe; `--json` has its evidence too."""
PERSONAL_FIELDS: Final = ("rank_for_all", "personal")
"""Of one for a single shopper."""


def recommendation_records(recommendations: Sequence[Recommendation]) -> list[dict[str, Any]]:
    """`FIELDS` of every recommendation."""
    records = []
    for rank, recommendation in enumerate(recommendations, start=1):
        record = {"rank": rank, **asdict(recommendation)}
        more = {key: record[key] for key in PERSONAL_FIELDS if key in record}
        records.append({key: record[key] for key in FIELDS} | more)
    return records


def pipe_table(records: Sequence[Record], before: tuple[str, ...] = ()) -> Table:
    """Records in a pipe, which have a header even if there are none."""
    personal = PERSONAL_FIELDS if records and PERSONAL_FIELDS[0] in records[0] else ()
    return Table("", records, fields=(*before, *FIELDS, *personal))


def recommendation_table(
    title: str,
    recommendations: Sequence[Recommendation],
    *,
    show_products: bool = False,
    show_explanation: bool = False,
) -> Table:
    """Recommendations with their evidence.

    Args:
        title: above the table.
        recommendations: best first.
        show_products: whether to show the products of a basket that each is recommended for.
        show_explanation: whether to show sentences for shoppers, where there are some.
    """

    def product(record: Record) -> str:
        title, product_id = record["title"], record["product_id"]
        name = f"{title} ({product_id})" if title else str(product_id)
        return f"{name}, +{more} variants" if (more := record["more_variants"]) else name

    def reason(record: Record) -> str:
        text = str((show_explanation and record["explanation"]) or record["why"])
        return f"{text} {personal}" if (personal := record.get("personal")) else text

    def model(record: Record) -> str:
        return f"{record['model']} (fallback)" if record["fallback"] else str(record["model"])

    columns = [Column("#", lambda record: record["rank"]), Column("product", product)]
    if any(recommendation.type for recommendation in recommendations):
        columns.append(Column("type", lambda record: record["type"] or "", drop=1))
    if show_products:
        columns.append(
            Column("recommended for", lambda record: ", ".join(record["goes_with"]), drop=2)
        )
    columns += [
        Column("explanation" if show_explanation else "why", reason, min_width=30),
        Column("score", drop=3),
        Column("model", model, drop=4),
    ]
    return Table(title, recommendation_records(recommendations), columns)
