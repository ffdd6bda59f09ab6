"""Fake sessions of views that remove complements: `python benchmarks/fake_views.py`.

A pair that is viewed together more strongly than it is bought together is an alternative. So
whoever can click could turn the best complements into alternatives, without buying anything. The
attack is on the strongest pairs of a log of purchases, with and without honest views around it.
Beside it: how many true alternatives and true complements a rule finds where all views are honest,
for a rule that ignores views withstands every attack. What the figures mean:
docs/explanation/trust.md.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
from rich.console import Console
from rich.table import Table

from fake_shoppers import ONLINE_RETAIL, online_retail
from goeswith.relations.graph import RelationGraph
from goeswith.relations.mine import mine
from goeswith.relations.relation import CO_PURCHASE, RELATIONS, Relation, pair_keys

RESULT = Path(__file__).parent / "results" / "fake-views.json"
PAIRS = 20
FAKES = (0, 3, 30)
"""Fake sessions for each of the pairs."""
HONEST = (0, 10_000, 20_000)
"""Honest sessions around them, each of three products drawn by their popularity."""
VISITS = (2_000, 10_000, 50_000)
"""Visits to the simulated shop, where all views are honest."""
GROUPS, GROUP_SIZE = 24, 6

Rows = npt.NDArray[np.int32]
Keys = npt.NDArray[np.int64]


def complements_by_points(graph: RelationGraph) -> Relation:
    """The complements of the former rule: the higher of two lifts, whatever it rests on."""
    edges = graph[CO_PURCHASE]
    for name in RELATIONS[1:]:
        other = graph[name]
        lifts = other.count.astype(np.float64)
        lifts.data = other.measure("lift")
        either = lifts.maximum(lifts.T).tocsr()
        at = np.asarray(either[edges.sources, edges.targets]).ravel()
        edges = edges.filter(edges.measure("lift") > at)
    return edges


def keys_of(edges: Relation) -> Keys:
    """The unordered pairs of some edges."""
    return np.unique(pair_keys(edges.sources, edges.targets, edges.count.shape[0]))


def sessions(products: Rows, prefix: str) -> pl.DataFrame:
    """(m, k) products as m sessions that view k products each."""
    sessions_, size = products.shape
    return pl.DataFrame(
        {
            "product": products.ravel().astype(np.int32),
            "session_id": np.repeat([f"{prefix}{i}" for i in range(sessions_)], size),
            "position": np.tile(np.arange(size), sessions_),
            "event": "view",
        },
        schema_overrides={
            "product": pl.Int32,
            "session_id": pl.String,
            "position": pl.Int64,
            "event": pl.String,
        },
    )


def attacked(purchases: pl.DataFrame, n: int, seed: int) -> list[dict[str, Any]]:
    """How many of the strongest pairs are lost to fake sessions, for each of both rules."""
    rng = np.random.default_rng(seed)
    bought = mine(purchases, n)
    edges = bought.complements
    strongest = np.argsort(-edges.measure("llr"), kind="stable")
    pairs = np.unique(pair_keys(edges.sources, edges.targets, n)[strongest[: 2 * PAIRS]])
    popularity = bought[CO_PURCHASE].source_contexts
    assert popularity is not None
    lines = []
    for honest in HONEST:
        drawn = rng.choice(n, size=(honest, 3), p=popularity / popularity.sum())
        for fakes in FAKES:
            if not honest + fakes:
                continue
            fake = np.repeat(np.stack([pairs // n, pairs % n], axis=1), fakes, axis=0)
            views = pl.concat([sessions(drawn, "h"), sessions(fake, "f")]).unique()
            graph = mine(views, n)
            both = RelationGraph(n, {**bought.relations, **graph.relations})
            lost = {
                rule: PAIRS - int(np.isin(pairs, keys_of(left)).sum())
                for rule, left in (
                    ("points", complements_by_points(both)),
                    ("bounds", both.complements),
                )
            }
            lines.append({"honest": honest, "fakes": fakes, "seed": seed, **lost})
    return lines


def simulated_visits(visits: int, seed: int) -> tuple[pl.DataFrame, Rows]:
    """A shop of groups of alternatives; the groups go together in pairs, as phones and cases do.

    A visitor needs something of a group, half of the time also of its partner, and now and then of
    another. Of each needed group two to four products are viewed; 30 % of the visitors buy one of
    them, and one buyer in eight takes two.

    Returns:
        The events, and the (n,) group of each product.
    """
    rng = np.random.default_rng(seed)
    liked = 1 / np.arange(1, GROUP_SIZE + 1)
    liked /= liked.sum()
    rows: list[tuple[int, str, str, int]] = []
    for visit in range(visits):
        group = int(rng.integers(GROUPS))
        needed = {group}
        if rng.random() < 0.5:
            needed.add(group ^ 1)
        if rng.random() < 0.3:
            needed.add(int(rng.integers(GROUPS)))
        buys, taken, position = rng.random() < 0.3, [], 0
        for need in sorted(needed):
            seen = rng.choice(GROUP_SIZE, int(rng.integers(2, 5)), replace=False, p=liked)
            seen += need * GROUP_SIZE
            for product in seen.tolist():
                rows.append((product, f"v{visit}", "view", position))
                position += 1
            taken += seen[: 2 if rng.random() < 1 / 8 else 1].tolist()
        rows += [(product, f"v{visit}", "purchase", position) for product in taken if buys]
    events = pl.DataFrame(
        rows, schema=["product", "session_id", "event", "position"], orient="row"
    ).with_columns(pl.col("product").cast(pl.Int32), basket_id=pl.col("session_id"))
    return events, np.repeat(np.arange(GROUPS, dtype=np.int32), GROUP_SIZE)


def honest_views(visits: int, seed: int) -> dict[str, Any]:
    """Shares of true alternatives and true complements among pairs that were bought together."""
    events, group = simulated_visits(visits, seed)
    n = len(group)
    graph = mine(events, n)
    bought = keys_of(graph[CO_PURCHASE])
    u, v = group[bought // n], group[bought % n]
    alike, partners = bought[u == v], bought[u == (v ^ 1)]
    line: dict[str, Any] = {"visits": visits, "seed": seed}
    line |= {"alternatives": len(alike), "complements": len(partners)}
    for rule, left in (("points", complements_by_points(graph)), ("bounds", graph.complements)):
        kept = keys_of(left)
        line[f"{rule}_alternatives"] = float(1 - np.isin(alike, kept).mean())
        line[f"{rule}_complements"] = float(np.isin(partners, kept).mean())
    return line


def benchmark(purchases: pl.DataFrame, n: int, seeds: list[int]) -> dict[str, Any]:
    """All of it, as the JSON that is written."""
    return {
        "pairs": PAIRS,
        "seeds": seeds,
        "attack": [line for seed in seeds for line in attacked(purchases, n, seed)],
        "honest": [honest_views(visits, seed) for visits in VISITS for seed in seeds],
    }


def rows_of(outcome: dict[str, Any]) -> tuple[list[list[str]], list[list[str]]]:
    """Both tables: header and lines, means over the seeds."""
    lost: dict[tuple[int, int], list[dict[str, Any]]] = {}
    for line in outcome["attack"]:
        lost.setdefault((line["honest"], line["fakes"]), []).append(line)
    first = [["honest sessions", "fake sessions per pair", "lost by lifts alone", "lost"]]
    for (honest, fakes), lines in lost.items():
        means = (np.mean([line[rule] for line in lines]) for rule in ("points", "bounds"))
        first.append([f"{honest:,}", str(fakes), *(f"{mean:.1f}" for mean in means)])
    names = ("alternatives", "complements")
    second = [["visits", *(f"{name}{way}" for name in names for way in (" by lifts alone", ""))]]
    by_visits: dict[int, list[dict[str, Any]]] = {}
    for line in outcome["honest"]:
        by_visits.setdefault(line["visits"], []).append(line)
    for visits, lines in by_visits.items():
        columns = [f"{rule}_{name}" for name in names for rule in ("points", "bounds")]
        means = (np.mean([line[column] for line in lines]) for column in columns)
        second.append([f"{visits:,}", *(f"{mean:.3f}" for mean in means)])
    return first, second


def markdown(outcome: dict[str, Any]) -> str:
    """The tables of docs/explanation/trust.md, which a test holds to this."""
    tables = []
    for header, *lines in rows_of(outcome):
        cells = [header, ["---:"] * len(header), *lines]
        tables.append("\n".join(f"| {' | '.join(line)} |" for line in cells))
    return "\n\n".join(tables)


def show(outcome: dict[str, Any]) -> None:
    """Print both tables."""
    for header, *lines in rows_of(outcome):
        table = Table(*header)
        for line in lines:
            table.add_row(*line)
        Console(width=140).print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=ONLINE_RETAIL, help="a file of online-retail")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--json", type=Path, default=RESULT)
    parser.add_argument("--table", action="store_true", help="print the kept figures as Markdown")
    options = parser.parse_args()
    if options.table:
        print(markdown(json.loads(options.json.read_text(encoding="utf-8"))))
        return
    dataset = online_retail(options.data)
    assert dataset.events is not None
    purchases = dataset.events.filter(pl.col("event") == "purchase")
    outcome = benchmark(purchases, len(dataset.catalog), options.seeds)
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(outcome, indent=2) + "\n", encoding="utf-8")
    show(outcome)


if __name__ == "__main__":
    main()
