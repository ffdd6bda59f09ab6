"""Fake shoppers who push one product: `python benchmarks/fake_shoppers.py`.

Some users are invented. Each buys one pushed product again and again, each time with other
products, so that it would be proposed with them. Counted is in how many products' top ten it
stands before and after; and beside that, how well each model foresees the last fifth of the honest
log, for a defence that forgets what shoppers do is none. What the attacks are and what the figures
mean: docs/explanation/trust.md.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
from rich.console import Console
from rich.table import Table

from goeswith.data.catalog import Catalog
from goeswith.data.dataset import Dataset
from goeswith.data.folder import load_data
from goeswith.data.importers.run_importer import import_tables
from goeswith.evaluation.protocols.case import BenchmarkData
from goeswith.evaluation.protocols.time_protocol import TimeCase, time_protocol
from goeswith.evaluation.splits import time_split
from goeswith.models import make_model
from goeswith.pipeline.kind_tags import tag_products
from goeswith.relations.config import MiningConfig
from goeswith.relations.graph import RelationGraph
from goeswith.relations.mine import mine
from goeswith.settings.sections import EvaluationSettings, KindSettings, Settings

ONLINE_RETAIL = Path(__file__).parents[2] / "shared" / "data" / "online-retail" / "events.parquet"
RESULT = Path(__file__).parent / "results" / "fake-shoppers.json"
MODELS = (
    "copurchase:measure=count",
    "copurchase:measure=lift",
    "copurchase:measure=confidence_lower",
    "copurchase:measure=pmi_lower",
    "copurchase:measure=llr",
    "cocitation",
    "ease",
)
DEFENCES = {
    "none": MiningConfig(per_user_cap=1_000_000_000),
    "default": MiningConfig(),
    "one vote": MiningConfig(per_user_cap=1),
}
RANKING_DEPTH = 10


@dataclass(frozen=True)
class Attack:
    """What each fake shopper does.

    Attributes:
        name: in the table.
        share: of the honest users: how many fake ones, at least one.
        baskets: of each fake user, all with the pushed product in them.
        companions: other products in each basket, half of them drawn by their popularity, half at
            random among those in enough baskets.
        targets: None where every fake user draws companions alone, none twice before all were
            drawn; else how many products all of them agree on.
    """

    name: str
    share: float
    baskets: int = 10
    companions: int = 30
    targets: int | None = None


ATTACKS = (
    Attack("scattered", 0.001),
    Attack("scattered", 0.01),
    Attack("scattered", 0.05),
    Attack("concerted", 0.01, targets=300),
)


@dataclass(frozen=True)
class Log:
    """Honest purchases of known users, and which products' lists are measured.

    Attributes:
        dataset: with events that have user_id, basket_id and timestamp.
        baskets: (n,) how many hold each product.
        sold: rows of the products in enough baskets: what fake shoppers buy.
        measured: rows of those whose lists are read, the same for every model and attack.
        users: how many known ones.
    """

    dataset: Dataset
    baskets: npt.NDArray[np.int64]
    sold: npt.NDArray[np.int32]
    measured: npt.NDArray[np.int32]
    users: int

    @classmethod
    def of(cls, dataset: Dataset, support: int, lists: int = 1000) -> Log:
        """The purchases of known users, and a sample of the products in `support` baskets."""
        events = dataset.events
        assert events is not None, "a log of purchases is needed"
        if "event" in events.columns:
            events = events.filter(pl.col("event") == "purchase")
        events = events.filter(pl.col("user_id").is_not_null())
        held = events.select("product", "basket_id").unique()["product"].to_numpy()
        baskets = np.bincount(held, minlength=len(dataset.catalog))
        enough = np.flatnonzero(baskets >= support).astype(np.int32)
        measured = np.sort(np.random.default_rng(0).permutation(enough)[:lists])
        users = events["user_id"].n_unique()
        return cls(replace(dataset, events=events), baskets, enough, measured, users)

    @property
    def events(self) -> pl.DataFrame:
        """The purchases."""
        assert self.dataset.events is not None
        return self.dataset.events

    def pushed(self, rng: np.random.Generator) -> int:
        """A product of the long tail, in 5 to 20 baskets: one that has something to gain."""
        few = np.flatnonzero((self.baskets >= 5) & (self.baskets <= 20))
        return int(rng.choice(few))


def fakes(log: Log, attack: Attack, pushed: int, rng: np.random.Generator) -> pl.DataFrame:
    """The purchases of the fake shoppers, in the last thirty days of the log."""
    users = max(1, round(attack.share * log.users))
    others = log.sold[log.sold != pushed]
    popular = log.baskets[others] / log.baskets[others].sum()
    end = log.events["timestamp"].max()
    agreed = _draw(others, popular, attack.targets or 0, rng)
    parts = []
    wanted = attack.baskets * attack.companions
    for user in range(users):
        mine_own = agreed if attack.targets else _draw(others, popular, wanted, rng)
        # the same products again where more are wanted than there are
        rounds = wanted // len(mine_own) + 1
        order = np.concatenate([rng.permutation(mine_own) for _ in range(rounds)])
        for basket in range(attack.baskets):
            bought = order[basket * attack.companions : (basket + 1) * attack.companions]
            parts.append(
                pl.DataFrame(
                    {
                        "product": np.unique(np.append(bought, pushed)).astype(np.int32),
                        "user_id": f"fake {user}",
                        "basket_id": f"fake {user} {basket}",
                        "timestamp": end - timedelta(minutes=int(rng.integers(30 * 24 * 60))),
                    }
                )
            )
    return pl.concat(parts)


def _draw(
    others: npt.NDArray[np.int32],
    popular: npt.NDArray[np.float64],
    wanted: int,
    rng: np.random.Generator,
) -> npt.NDArray[np.int32]:
    """Different products, half by popularity and half at random; all where they do not suffice."""
    if wanted >= len(others):
        return others
    half = rng.choice(others, size=wanted // 2, replace=False, p=popular)
    rest = np.setdiff1d(others, half)
    return np.concatenate([half, rng.choice(rest, size=wanted - len(half), replace=False)])


def lists_of(model: Any, measured: npt.NDArray[np.int32], pushed: int) -> int:
    """In how many of the measured products' top ten the pushed product stands."""
    products, _ = model.recommend(measured[measured != pushed], RANKING_DEPTH)
    return int((products == pushed).sum())


def attacked(
    log: Log, models: Sequence[str], attacks: Sequence[Attack], seeds: Sequence[int]
) -> Iterator[dict[str, Any]]:
    """A line for each defence, attack, seed and model."""
    columns = ["product", "user_id", "basket_id", "timestamp"]
    honest = log.events.select(columns)
    n, catalog = len(log.dataset.catalog), log.dataset.catalog

    def fitted(events: pl.DataFrame, config: MiningConfig) -> Iterator[tuple[str, Any]]:
        graph = mine(events, n, config)
        for spec in models:
            yield spec, make_model(spec).fit(catalog, graph)

    pushed = {seed: log.pushed(np.random.default_rng(seed)) for seed in seeds}
    for defence, config in DEFENCES.items():
        before = {
            (spec, seed): lists_of(model, log.measured, pushed[seed])
            for spec, model in fitted(honest, config)
            for seed in seeds
        }
        for attack in attacks:
            for seed in seeds:
                print(f"{defence}, {attack.name} {attack.share:.1%}, seed {seed}", flush=True)
                false = fakes(log, attack, pushed[seed], np.random.default_rng([seed, 1]))
                both = pl.concat([honest, false.cast(dict(honest.schema))])
                for spec, model in fitted(both, config):
                    yield {
                        "model": spec,
                        "defence": defence,
                        "attack": attack.name,
                        "share": attack.share,
                        "seed": seed,
                        "before": before[spec, seed],
                        "after": lists_of(model, log.measured, pushed[seed]),
                    }


def accuracy(log: Log, models: Sequence[str]) -> list[dict[str, Any]]:
    """The time protocol on the honest log: one truth, mined without a cap, for every defence."""
    settings = Settings(relations=DEFENCES["none"], evaluation=EvaluationSettings())
    (case,) = time_protocol(BenchmarkData(log.dataset, settings), 0)
    assert isinstance(case, TimeCase)
    earlier, _ = time_split(log.events, settings.evaluation.time_share)
    lines = []
    for defence, config in DEFENCES.items():
        train: RelationGraph = mine(earlier, len(case.catalog), config)
        here = replace(case, train=train)
        for spec in models:
            measured = here.measure(here.answer(make_model(spec).fit(case.catalog, train)))
            values = measured.values()
            lines.append(
                {"model": spec, "defence": defence}
                | {name: round(values[name] or 0.0, 4) for name in ("ndcg@10", "hit@10")}
            )
    return lines


def summary(lines: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Lines of all seeds together, each against raw counts without a defence under its attack."""
    together: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for line in lines:
        key = tuple(line[name] for name in ("attack", "share", "defence", "model"))
        together.setdefault(key, []).append(line)
    gained = {
        key: float(np.mean([line["after"] for line in found])) for key, found in together.items()
    }
    rows = []
    for (attack, share, defence, model), found in together.items():
        counts = gained.get((attack, share, "none", "copurchase:measure=count"))
        rows.append(
            {
                "attack": attack,
                "share": share,
                "defence": defence,
                "model": model,
                "before": float(np.mean([line["before"] for line in found])),
                "after": gained[attack, share, defence, model],
                "per_seed": [line["after"] for line in found],
                "of_counts": gained[attack, share, defence, model] / counts if counts else None,
            }
        )
    return rows


def benchmark(
    log: Log, models: Sequence[str], attacks: Sequence[Attack], seeds: Sequence[int]
) -> dict[str, Any]:
    """All of it, as the JSON that is written."""
    return {
        "data": log.dataset.name,
        "users": log.users,
        "products": len(log.dataset.catalog),
        "sold": len(log.sold),
        "lists": len(log.measured),
        "seeds": list(seeds),
        "attacks": [asdict(attack) for attack in attacks],
        "defences": {name: config.per_user_cap for name, config in DEFENCES.items()},
        "results": summary(list(attacked(log, models, attacks, seeds))),
        "accuracy": accuracy(log, models),
    }


def simulated(seed: int = 0, users: int = 600) -> Dataset:
    """A small shop: 120 products in twelve groups of ten, half of each basket from one group."""
    rng = np.random.default_rng(seed)
    products, rows = 120, []
    liked = 1 / np.arange(1, products + 1) ** 0.7
    liked = rng.permutation(liked / liked.sum())
    start = datetime(2024, 1, 1)
    for user in range(users):
        for visit in range(int(rng.geometric(0.25))):
            group = int(rng.integers(12))
            basket = np.concatenate(
                [10 * group + rng.choice(10, 4), rng.choice(products, 4, p=liked)]
            )
            when = start + timedelta(minutes=int(rng.integers(365 * 24 * 60)))
            rows += [(int(p), f"u{user}", f"u{user} {visit}", when) for p in np.unique(basket)]
    # the long tail: two products that hardly anybody buys
    rows += [(products + i % 2, f"u{i}", f"u{i} 0", start) for i in range(14)]
    events = pl.DataFrame(
        rows, schema=["product", "user_id", "basket_id", "timestamp"], orient="row"
    ).with_columns(pl.col("product").cast(pl.Int32), pl.col("timestamp").cast(pl.Datetime("us")))
    catalog = Catalog(pl.DataFrame({"product_id": [f"p{i:03}" for i in range(products + 2)]}))
    return Dataset("simulated", Path(), catalog, events, None, None, None, None, "")  # type: ignore[arg-type]


def online_retail(path: Path) -> Dataset:
    """The published invoice lines, through the importer, and the kinds of their products."""
    with tempfile.TemporaryDirectory() as folder:
        import_tables("online-retail", [path], Path(folder) / "online-retail")
        dataset = load_data(Path(folder) / "online-retail")
    return tag_products(dataset, KindSettings())[0]


def rows_of(outcome: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Header and lines of the table: lists entered, a column an attack, accuracy beside them."""
    attacks = list(dict.fromkeys((row["attack"], row["share"]) for row in outcome["results"]))
    names = [f"{name} {share:.1%}" for name, share in attacks]
    right = {(a["model"], a["defence"]): a["ndcg@10"] for a in outcome["accuracy"]}
    found: dict[tuple[str, str], dict[Any, dict[str, Any]]] = {}
    for row in outcome["results"]:
        found.setdefault((row["model"], row["defence"]), {})[row["attack"], row["share"]] = row
    lines = []
    for (model, defence), by_attack in found.items():
        before = next(iter(by_attack.values()))["before"]
        after = [f"{by_attack[attack]['after']:.1f}" for attack in attacks]
        name = model.removeprefix("copurchase:measure=")
        lines.append([name, defence, f"{before:.1f}", *after, f"{right[model, defence]:.3f}"])
    return ["model", "defence", "before", *names, "nDCG@10, time"], lines


def markdown(outcome: dict[str, Any]) -> str:
    """The table of docs/explanation/trust.md, which a test holds to this."""
    header, lines = rows_of(outcome)
    rule = ["---", "---"] + ["---:"] * (len(header) - 2)
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [header, rule, *lines])


def show(outcome: dict[str, Any]) -> None:
    """Print the table."""
    header, lines = rows_of(outcome)
    title = f"{outcome['data']}: of {outcome['lists']:,} lists, those with the pushed product"
    table = Table(*header, title=title)
    for cells in lines:
        table.add_row(*cells)
    Console(width=140).print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=ONLINE_RETAIL, help="a file of online-retail")
    parser.add_argument("--models", nargs="+", default=MODELS, help="name or name:key=value each")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--support", type=int, default=20, help="baskets of a measured product")
    parser.add_argument("--lists", type=int, default=1000, help="how many of them, drawn once")
    parser.add_argument("--simulated", action="store_true", help="a small invented log instead")
    parser.add_argument("--json", type=Path, default=RESULT)
    parser.add_argument("--table", action="store_true", help="print the kept figures as Markdown")
    options = parser.parse_args()
    if options.table:
        print(markdown(json.loads(options.json.read_text(encoding="utf-8"))))
        return
    dataset = simulated() if options.simulated else online_retail(options.data)
    log = Log.of(dataset, options.support, options.lists)
    outcome = benchmark(log, options.models, ATTACKS, options.seeds)
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(outcome, indent=2) + "\n", encoding="utf-8")
    show(outcome)


if __name__ == "__main__":
    main()
