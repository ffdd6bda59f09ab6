"""What a shop's log says of the table of kinds: which links it confirms, contradicts or suggests.

Kinds stand for their products: a basket holds a kind if it holds a product of it. A pair of kinds
is judged by its lift, the number of baskets with both over the number expected by chance, and by
the 95 % interval of that (Wilson). Large baskets hold many pairs, whatever they are: what chance
makes of a pair, n_u n_v, is scaled so that all pairs together are expected as often as they occur.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Final, Literal, TypeAlias

import numpy as np
import polars as pl
from scipy import sparse

from goeswith.core.arrays import Rows
from goeswith.core.errors import DataError
from goeswith.data.dataset import Dataset
from goeswith.kinds.catalog_kinds import tag_catalog
from goeswith.kinds.table import KindTable
from goeswith.kinds.table_reader import load_table
from goeswith.relations.build_graph import build_graph
from goeswith.relations.config import MiningConfig
from goeswith.relations.measures import wilson_lower
from goeswith.relations.relation import CO_PURCHASE, Relation, csr

Status: TypeAlias = Literal["contradicted", "suggested", "confirmed"]
MIN_COUNT: Final = 10
"""Baskets with both kinds of a suggestion."""
MIN_LIFT: Final = 2.0
"""Lower bound of the lift of a suggestion."""
MIN_CONFIRMED: Final = 5
"""Baskets with both kinds of a link that is confirmed."""
_CONTRADICTED: Final = 0.8
"""Upper bound of the lift of a link that is contradicted."""
_ORDER: Final = ("contradicted", "suggested", "confirmed")


@dataclass(frozen=True)
class LearnedLink:
    """A pair of kinds of which the log says something; the first five as in a file of links.

    Attributes:
        source: kind that is looked at; of a suggestion, the one of which a larger share of the
            baskets holds the other.
        target: kind that would be shown.
        reason: of the table; empty for a suggestion, for a person to fill in.
        strength: likewise.
        match: likewise.
        status: confirmed (lift above 1), contradicted (lift below 0.8) or suggested (no link in the
            table), each by the interval of the lift.
        count: baskets with both.
        expected: baskets with both that chance would make.
        lift: count / expected.
        lift_low: lower end of its 95 % interval, and
        lift_high: upper end.
        confidence: share of the source's baskets that hold the target.
    """

    source: str
    target: str
    reason: str
    strength: int | None
    match: tuple[str, ...]
    status: Status
    count: int
    expected: float
    lift: float
    lift_low: float
    lift_high: float
    confidence: float


@dataclass(frozen=True)
class LearnedLinks:
    """The comparison of a log with the table.

    Attributes:
        links: contradicted, suggested and confirmed, the clearest first.
        products: of the catalogue.
        tagged: of those, with a kind.
        kinds: of those.
        checked: links of the table between kinds of the shop.
        baskets: contexts with a product of any kind.
    """

    links: list[LearnedLink]
    products: int
    tagged: int
    kinds: int
    checked: int
    baskets: float

    def counts(self) -> dict[str, int]:
        """Status -> number of links; `undecided` are those without evidence either way."""
        found = {status: sum(link.status == status for link in self.links) for status in _ORDER}
        return {**found, "undecided": self.checked - found["confirmed"] - found["contradicted"]}


def learn_links(
    dataset: Dataset,
    config: MiningConfig | None = None,
    *,
    min_count: int = MIN_COUNT,
    min_lift: float = MIN_LIFT,
) -> LearnedLinks:
    """Compare the log of a shop with the table of kinds.

    Args:
        dataset: with events of purchases, or lists of products bought together.
        config: of mining; its minimum counts are not used.
        min_count: baskets with both kinds of a suggestion.
        min_lift: lower bound of the lift of a suggestion.

    Raises:
        DataError: no product has a kind, or there are no purchases.
    """
    table = load_table()
    tags = tag_catalog(dataset.catalog)
    ids = sorted({tag.kind for tag in tags if tag.kind})
    if not ids:
        raise DataError(
            f"{dataset.name}: no product has a kind; products need titles, types or a column "
            "`kind` (`goeswith kinds explain TITLE` shows how a title is read)"
        )
    code = {kind: i for i, kind in enumerate(ids)}
    codes = np.array([code[tag.kind] if tag.kind else -1 for tag in tags], dtype=np.int32)
    pairs = _KindPairs(_kind_relation(dataset, codes, len(ids), config or MiningConfig()), ids)
    links, checked = _judge_table(table, pairs, code)
    links += _suggest(table, pairs, min_count, min_lift)
    links.sort(
        key=lambda link: (
            _ORDER.index(link.status),
            link.lift_high if link.status == "contradicted" else -link.lift_low,
            link.source,
            link.target,
        )
    )
    return LearnedLinks(
        links, len(tags), int((codes >= 0).sum()), len(ids), checked, pairs.contexts
    )


def links_text(links: Sequence[LearnedLink]) -> str:
    """Links as CSV, whose first five columns are those of a file of links."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([field.name for field in fields(LearnedLink)])
    for link in links:
        row = asdict(link)
        row["match"] = "|".join(link.match)
        writer.writerow(["" if value is None else value for value in row.values()])
    return out.getvalue()


def _kind_relation(dataset: Dataset, codes: Rows, n: int, config: MiningConfig) -> Relation:
    """Kinds bought together."""
    if dataset.counted and dataset.events is not None:
        from goeswith.relations.mine import mine  # Ibis and DuckDB

        events = dataset.events
        if "event" in events.columns:
            events = events.filter(pl.col("event") == "purchase")
        kinds = pl.Series("product", codes)[events["product"]]
        events = events.with_columns(kinds.alias("product")).filter(pl.col("product") >= 0)
        relation = mine(events, n, config.model_copy(update={"min_co_purchase": 1}))[CO_PURCHASE]
    else:
        bought = build_graph(dataset, config)[CO_PURCHASE]
        has_kind = np.flatnonzero(codes >= 0)
        ones = np.ones(len(has_kind), dtype=np.float32)
        members = sparse.csr_matrix((ones, (codes[has_kind], has_kind)), shape=(n, len(codes)))
        counts = (members @ bought.count @ members.T).tocoo()
        relation = Relation(csr(n, counts.row, counts.col, counts.data))
    if not len(relation):
        raise DataError(f"{dataset.name}: no two kinds were bought together")
    return relation


class _KindPairs:
    """Counts of pairs of kinds."""

    def __init__(self, relation: Relation, ids: list[str]) -> None:
        self.ids, self.count = ids, relation.count
        n_u, n_v, contexts = (
            relation.source_contexts,
            relation.target_contexts,
            relation.contexts,
        )
        if n_u is None or n_v is None or contexts is None:
            n_u = np.asarray(self.count.sum(axis=1), dtype=np.float64).ravel()
            n_v = np.asarray(self.count.sum(axis=0), dtype=np.float64).ravel()
            contexts = float(n_u.sum())
        self.n_u, self.n_v, self.contexts = n_u, n_v, contexts
        pairs = float(n_u.sum() * n_v.sum() - n_u @ n_v)
        self._scale = float(self.count.sum()) / max(pairs, 1e-9)

    def expected(self, u: int, v: int) -> float:
        """Baskets with both that chance would make."""
        return float(max(self.n_u[u] * self.n_v[v] * self._scale, 1e-9))

    def link(
        self,
        u: int,
        v: int,
        status: Status | None = None,
        table_link: tuple[str, int | None, tuple[str, ...]] = ("", None, ()),
    ) -> LearnedLink:
        """A pair with its figures; without a status, by its interval as a link of the table."""
        n = float(self.count[u, v])
        total = np.array([self.contexts])
        low = float(wilson_lower(np.array([n]), total)[0])
        high = 1 - float(wilson_lower(total - n, total)[0])
        expected = self.expected(u, v)
        lift_high = high * self.contexts / expected
        if status is None:
            status = "contradicted" if lift_high < _CONTRADICTED else "confirmed"
        return LearnedLink(
            self.ids[u],
            self.ids[v],
            *table_link,
            status,
            round(n),
            round(expected, 2),
            round(n / expected, 3),
            round(low * self.contexts / expected, 3),
            round(lift_high, 3),
            round(n / max(self.n_u[u], 1e-9), 4),
        )


def _judge_table(
    table: KindTable, pairs: _KindPairs, code: dict[str, int]
) -> tuple[list[LearnedLink], int]:
    """Links of the table that the log confirms or contradicts, and how many it has."""
    judged, checked = [], 0
    for source, u in code.items():
        for link in table.links.get(source, ()):
            v = code.get(link.target)
            if v is None:
                continue
            checked += 1
            found = pairs.link(u, v, None, (link.reason, link.strength, link.match))
            is_frequent = found.count >= MIN_CONFIRMED
            if (found.lift_low > 1 and is_frequent) or found.lift_high < _CONTRADICTED:
                judged.append(found)
    return judged, checked


def _suggest(
    table: KindTable, pairs: _KindPairs, min_count: int, min_lift: float
) -> list[LearnedLink]:
    """Pairs without a link in either direction that are bought together far more than by chance."""
    suggested = []
    frequent = sparse.triu(pairs.count, k=1).tocoo()
    for u, v, n in zip(frequent.row, frequent.col, frequent.data, strict=True):
        first, second = pairs.ids[u], pairs.ids[v]
        if (
            n < min_count
            or n < min_lift * pairs.expected(u, v)
            or table.link(first, second)
            or table.link(second, first)
            or table.replaces(first, second)
            or table.forbidden(first, second)
        ):
            continue
        # more of the rarer kind's baskets hold the other
        source, target = (u, v) if pairs.n_u[u] <= pairs.n_u[v] else (v, u)
        found = pairs.link(int(source), int(target), "suggested")
        if found.lift_low >= min_lift:
            suggested.append(found)
    return suggested
