"""The weights of the model `zero_shot`, and how well they hold in shops without their data.

    python benchmarks/zero_shot.py ../shared/data

learns the weights from the public data sets in the folder, writes them to
src/goeswith/ranking/zero_shot/weights.json, and writes to benchmarks/results/zero-shot.json, for
each data set, the AUC of weights learned without it: on the catalogue of Magento, whose cross-sells
are never learned from, per source over the complete catalogue; on bundles over the pairs of a
session, all and those of different kinds; elsewhere over the labelled pairs. Beside them stand the
table of kinds (`kinds`) and the cosine of titles.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from sklearn.metrics import roc_auc_score

from goeswith.core.atomic_files import write_json
from goeswith.data.catalog import Catalog
from goeswith.data.clean import clean_products
from goeswith.data.folder import load_data
from goeswith.data.quarantine import ROW, Quarantine
from goeswith.models import KindLinks
from goeswith.ranking.zero_shot import zero_shot_model
from goeswith.ranking.zero_shot.pair_columns import DEARER, PairColumns
from goeswith.relations.build_graph import build_graph
from goeswith.relations.graph import RelationGraph
from goeswith.relations.relation import CO_VIEW

RESULT = Path(__file__).parent / "results" / "zero-shot.json"
WEIGHTS = Path(zero_shot_model.__file__).with_name("weights.json")
EDGES, RANDOM, PENALTY = 4000, 2, 0.02
PRIOR = 2.0
"""Weight of a link between kinds, and against kinds that replace each other, without data."""
SCENE, NEIGHBOURS = 3.0, 2.0
"""Weights of kinds of one scene, and of kinds that go with the same kinds, without data."""
NEVER_AGAINST = {
    "shared title",
    "shared words",
    "shared categories",
    "same group",
    "same brand",
    "neighbours",
}
"""Features that are never a reason against a pair of kinds that do not replace each other."""
NEVER_FOR = {"forbidden", "other audience"}
SELDOM_SEEN = {"scene: rooms", "scene: meals"}
"""What no set, or one with 32 pairs that go together, has: half of the prior remains."""
HELD_OUT = "magento-catalogue"
RELATED = {"bundles-electronic", "judged/bundles-electronic"}
"""Sets of the same products: neither is learned from where the other is tested."""


@dataclass
class Pairs:
    """Pairs of a catalogue, and whether they go together."""

    catalog: Catalog
    sources: Any
    targets: Any
    together: Any

    def __post_init__(self) -> None:
        apart = (self.sources != self.targets) & (self.sources >= 0) & (self.targets >= 0)
        self.sources = self.sources[apart].astype(np.int32)
        self.targets = self.targets[apart].astype(np.int32)
        self.together = self.together[apart]
        self.columns = PairColumns.of_catalog(self.catalog)
        features = self.columns.of_pairs(self.sources, self.targets)
        del features[DEARER]  # set by hand: see ZeroShot.Config
        self.names, self.features = list(features), np.column_stack(list(features.values()))


def catalogue_links(folder: Path) -> Pairs:
    """Every pair of a source with cross-sells and another product of the shop."""
    frame = pl.read_parquet(folder / "products.parquet").with_row_index(ROW, offset=1)
    catalog: Catalog = clean_products(frame, "products", Quarantine())
    links = pl.read_parquet(folder / "links.parquet").filter(pl.col("kind") == "crosssell")
    ends = [catalog.rows(links[end]).tolist() for end in ("source", "target")]
    linked = {pair for pair in zip(*ends, strict=True) if min(pair) >= 0}
    sources = np.unique([source for source, _ in linked])
    n = len(catalog)
    pairs = np.column_stack([np.repeat(sources, n), np.tile(np.arange(n), len(sources))])
    return Pairs(catalog, *pairs.T, np.array([tuple(pair) in linked for pair in pairs.tolist()]))


def bundles(folder: Path) -> Pairs:
    """Pairs of a session: bundled by people or not."""
    data = load_data(folder, max_bad_share=1)
    assert data.bundles is not None
    assert data.sessions is not None
    together = _pairs(data.bundles, "bundle_id")
    pairs = np.array(sorted(together | _pairs(data.sessions, "session_id")))
    return Pairs(data.catalog, *pairs.T, np.array([tuple(p) in together for p in pairs.tolist()]))


def _pairs(table: pl.DataFrame, key: str) -> set[tuple[int, int]]:
    found = set()
    for _, rows in table.group_by(key):
        products = sorted(set(rows["product"].to_list()))
        found |= {(a, b) for i, a in enumerate(products) for b in products[i + 1 :]}
    return found


def relations(folder: Path, keywords: Path | None = None) -> Pairs:
    """Complements against what is viewed as an alternative and random products."""
    data = load_data(folder)
    graph, catalog = build_graph(data), data.catalog
    if keywords is not None:
        words = pl.read_parquet(keywords).rename({"keywords": "title"})
        frame = catalog.frame.join(words, on="product_id", how="left", maintain_order="left")
        catalog = Catalog(frame)
    rng = np.random.default_rng(0)
    edges, views = graph.complements, graph[CO_VIEW]
    chosen = rng.permutation(len(edges))[:EDGES]
    viewed = rng.permutation(len(views))[: EDGES // 3]
    source, target = edges.sources[chosen], edges.targets[chosen]
    others = rng.integers(0, len(catalog), RANDOM * len(chosen))
    return Pairs(
        catalog,
        np.concatenate([source, views.sources[viewed], np.repeat(source, RANDOM)]),
        np.concatenate([target, views.targets[viewed], others]),
        np.arange(len(source) + len(viewed) + len(others)) < len(source),
    )


def intentions(folder: Path) -> Pairs:
    """Pairs whose common purchase people explained, against random products."""
    table = pl.read_parquet(folder / "explanations.parquet")
    catalog = _titles(table)
    ends = [catalog.rows(table[end]) for end in ("source", "target")]
    pairs = np.unique(np.column_stack(ends), axis=0)
    others = np.random.default_rng(0).integers(0, len(catalog), 2 * RANDOM * len(pairs))
    source = np.concatenate([pairs[:, 0], np.repeat(pairs[:, 0], 2 * RANDOM)])
    target = np.concatenate([pairs[:, 1], others])
    return Pairs(catalog, source, target, np.arange(len(source)) < len(pairs))


def judged(file: Path, folder: Path | None = None) -> Pairs:
    """Labelled pairs of a pool: complements against substitutes and unrelated products."""
    table = pl.read_parquet(file)
    catalog = _titles(table) if folder is None else load_data(folder, max_bad_share=1).catalog
    ends = [catalog.rows(table[end]) for end in ("source", "target")]
    return Pairs(catalog, *ends, (table["complement"] > 0.5).to_numpy())


def _titles(pairs: pl.DataFrame) -> Catalog:
    """The products of a table of pairs with titles."""
    ends = [
        pairs.select(product_id=pl.col(end), title=pl.col(f"{end}_title"))
        for end in ("source", "target")
    ]
    return Catalog(pl.concat(ends).unique("product_id", maintain_order=True))


def data_sets(folder: Path) -> dict[str, Callable[[], Pairs]]:
    labels = folder / "judged"
    return {
        HELD_OUT: partial(catalogue_links, folder / HELD_OUT),
        "bundles-electronic": partial(bundles, folder / "bundles-electronic"),
        "bundles-clothing": partial(bundles, folder / "bundles-clothing"),
        "amazon-clothing": partial(relations, folder / "amazon-clothing"),
        "amazon-beauty": partial(
            relations, folder / "amazon-beauty", folder / "beauty-keywords" / "keywords.parquet"
        ),
        "intentions": partial(intentions, folder / "intentions"),
        "judged/online-retail": partial(
            judged, labels / "online-retail.parquet", folder / "online-retail"
        ),
        "judged/complete-journey": partial(judged, labels / "complete-journey.parquet"),
        "judged/amazon-office": partial(
            judged, labels / "amazon-office.parquet", folder / "amazon-office"
        ),
        "judged/bundles-electronic": partial(
            judged, labels / "bundles-electronic.parquet", folder / "bundles-electronic"
        ),
    }


def learn(sets: list[Pairs]) -> dict[str, float]:
    """Feature -> weight of a logistic regression in which every set and both labels weigh alike.

    Weights are pulled to what the table of kinds says, not to 0 (see PRIOR), and stay within
    bounds (see `_bounds`): where no set has the products of a shop, the table is all that is known.
    """
    features = np.concatenate([one.features for one in sets]).astype(np.float64)
    together = np.concatenate([one.together for one in sets]).astype(np.float64)
    share = [np.where(one.together, one.together.mean(), 1 - one.together.mean()) for one in sets]
    weight = np.concatenate([1000 / (2 * len(part) * part) for part in share])
    names = sets[0].names
    scale = features.std(axis=0)
    scale[scale < 1e-4] = 1
    x = np.column_stack([features / scale, np.ones(len(features))])
    mean = np.append([_prior(name) for name in names] * scale, 0.0)
    bounds = np.array([_bounds(name) for name in names]).T * scale
    low, high = np.append(bounds[0], -np.inf), np.append(bounds[1], np.inf)
    penalty = np.append(np.full(len(names), 1 / PENALTY), 0.0)

    def loss(weights: Any) -> float:
        z = x @ weights
        fit = weight @ (np.logaddexp(0, z) - together * z)
        return float(fit + 0.5 * penalty @ (weights - mean) ** 2)

    found = np.clip(mean, low, high)
    for _ in range(50):  # Newton's method, the step shortened until the loss falls
        p = 1 / (1 + np.exp(-np.clip(x @ found, -500, 500)))
        gradient = x.T @ (weight * (p - together)) + penalty * (found - mean)
        hessian = (x * (weight * p * (1 - p))[:, None]).T @ x + np.diag(penalty)
        step = _bounded_step(
            gradient, hessian + 1e-6 * np.eye(len(mean)), low - found, high - found
        )
        size = 1.0
        while loss(found + size * step) > loss(found) and size > 1e-4:
            size /= 2
        found = found + size * step
        if np.abs(size * step).max() < 1e-4:
            break
    values = found[:-1] / scale
    return {name: round(float(value), 4) for name, value in zip(names, values, strict=True)}


def _bounded_step(gradient: Any, hessian: Any, low: Any, high: Any) -> Any:
    """The step within bounds that minimises a quadratic, by coordinate descent."""
    step, slope = np.zeros(len(gradient)), gradient.copy()
    for _ in range(1000):
        largest = 0.0
        for i in range(len(step)):
            change = np.clip(step[i] - slope[i] / hessian[i, i], low[i], high[i]) - step[i]
            if change:
                slope += hessian[:, i] * change
                step[i] += change
                largest = max(largest, abs(change))
        if largest < 1e-6:
            break
    return step


def _prior(name: str) -> float:
    if name.startswith("link: "):
        return PRIOR
    if name.startswith("scene: "):
        return SCENE
    if name == "neighbours":
        return NEIGHBOURS
    return -PRIOR if name in ("same kind", "alternative") else 0.0


def _bounds(name: str) -> tuple[float, float]:
    """The least and the greatest weight of a feature: what the table states is never reversed."""
    if name in SELDOM_SEEN:
        return SCENE / 2, np.inf
    if name.startswith(("link: ", "link back: ", "scene: ")) or name in NEVER_AGAINST:
        return 0.0, np.inf
    return -np.inf, 0.0 if name in NEVER_FOR else np.inf


def aucs(pairs: Pairs, scores: Any, *, by_source: bool, other_kinds: Any = None) -> float:
    """AUC over all pairs, or the mean over sources."""
    together, sources = pairs.together, pairs.sources
    if other_kinds is not None:
        together, scores = together[other_kinds], scores[other_kinds]
    if not by_source:
        return float(roc_auc_score(together, scores))
    of_source = [sources == source for source in np.unique(sources)]
    return float(np.mean([roc_auc_score(together[one], scores[one]) for one in of_source]))


def measure(name: str, pairs: Pairs, weights: dict[str, float]) -> dict[str, float]:
    """AUC of the model, with and without what is set by hand, of the table and of titles."""
    features = pairs.columns.of_pairs(pairs.sources, pairs.targets)
    learned = sum(weights.get(key, 0) * value for key, value in features.items() if key != DEARER)
    config = zero_shot_model.ZeroShot.Config()
    price = config.dearer * features[DEARER]
    alternatives = config.alternatives * pairs.columns.replace_each_other(
        pairs.sources, pairs.targets
    )
    kinds = KindLinks().fit(pairs.catalog, RelationGraph(len(pairs.catalog), {}))
    table = np.nan_to_num(kinds.score_pairs(pairs.sources, pairs.targets), neginf=0)
    if name.startswith("bundles"):
        back = kinds.score_pairs(pairs.targets, pairs.sources)
        table = np.maximum(table, np.nan_to_num(back, neginf=0))
    scores = {
        "zero_shot": learned - price - alternatives,
        "zero_shot without prices": learned - alternatives,
        "zero_shot without penalty of alternatives": learned - price,
        "kinds": table,
        "titles": features["shared title"] + features["shared title of substitutes"],
    }
    auc = partial(aucs, pairs, by_source=name == HELD_OUT)
    found = {key: auc(score) for key, score in scores.items()}
    if name.startswith("bundles"):
        codes = pairs.columns.kinds
        one, other = codes[pairs.sources], codes[pairs.targets]
        apart = (one != other) & (one >= 0) & (other >= 0)
        found |= {f"{key}, other kinds": auc(s, other_kinds=apart) for key, s in scores.items()}
    if name == HELD_OUT:
        found |= {
            f"{key} hit@10": hit(pairs, score, config.place if key.startswith("zero") else 0)
            for key, score in scores.items()
        }
    return found


def hit(pairs: Pairs, scores: Any, place: float) -> float:
    """Share of sources with a linked product among their first ten."""
    hits = []
    for source in np.unique(pairs.sources):
        own = pairs.sources == source
        kinds = pairs.columns.kinds[pairs.targets[own]]
        of_source = np.array(scores[own], dtype=np.float32)[None]
        of_source = zero_shot_model.less_by_place(of_source, kinds, place)[0]
        best = np.argsort(-of_source, kind="stable")[:10]
        hits.append(pairs.together[own][best].any())
    return float(np.mean(hits))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="of the public data sets")
    folder = parser.parse_args().folder
    sets = {name: make() for name, make in data_sets(folder).items()}
    names = [name for name in sets if name != HELD_OUT]
    held_out = {}
    for name, pairs in sets.items():
        others = [o for o in names if o != name and not {o, name} <= RELATED]
        held_out[name] = measure(name, pairs, learn([sets[other] for other in others]))
        print(name, json.dumps({key: round(value, 3) for key, value in held_out[name].items()}))
    weights = learn([sets[name] for name in names])
    sizes = {name: len(sets[name].together) for name in names}
    write_json({"learned_from": sizes, "weights": weights}, WEIGHTS)
    write_json({"learned_from": sizes, "auc": held_out}, RESULT)


if __name__ == "__main__":
    main()
