"""What benchmarks/eccr.py is measured on: pairs, splits by source and lists of three data sets.

bundles-*: complements are pairs that people bundled, of different types; what stood in the same
session and was left out is incoherent. amazon-office: what two users bought; it has neither types
nor views, so that clusters of its titles stand for types.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl

from goeswith.data.catalog import Catalog
from goeswith.data.folder import load_data
from goeswith.features.product_vectors import LatentAttributes
from goeswith.language.eccr.candidate_lists import CandidateLists, make_candidate_lists
from goeswith.language.eccr.coherence import Coherence
from goeswith.relations.build_graph import build_graph
from goeswith.relations.config import MiningConfig
from goeswith.relations.graph import RelationGraph
from goeswith.relations.labelled_pairs import labelled_session_pairs
from goeswith.relations.mine import mine

DATA = ("bundles-electronic", "bundles-clothing", "amazon-office")
PARTS = ("train", "valid", "test")
NEGATIVES = 20


@dataclass
class Pairs:
    """Everything that customers or people say of a data set; pairs both ways.

    Attributes:
        catalog: n products, with types.
        graph: all relations.
        raw: what was bought (or, in sessions, seen) together, with counts.
        complements: of different types, and bought or bundled together.
        bundled: pairs that people bundled, of one type too; none where nobody did.
        tested: complements that are tested on, where not all are: what two users bought.
    """

    catalog: Catalog
    graph: RelationGraph
    raw: tuple[np.ndarray, np.ndarray, np.ndarray]
    complements: tuple[np.ndarray, np.ndarray]
    bundled: tuple[np.ndarray, np.ndarray] | None
    tested: tuple[np.ndarray, np.ndarray] | None = None


def read(folder: Path) -> Pairs:
    """One data set."""
    dataset = load_data(folder)
    catalog = dataset.catalog
    if dataset.sessions is not None and dataset.bundles is not None:
        pairs = labelled_session_pairs(dataset.sessions, dataset.bundles)
        grouped = pairs.group_by("source", "target").agg(pl.len(), pl.col("bundled").any())
        grouped = grouped.sort("source", "target")
        u, v = grouped["source"].to_numpy(), grouped["target"].to_numpy()
        count, bundled = grouped["len"].to_numpy(), grouped["bundled"].to_numpy()
        cross = catalog.type_codes[u] != catalog.type_codes[v]
        return Pairs(
            catalog,
            build_graph(dataset),
            (np.r_[u, v], np.r_[v, u], np.r_[count, count]),
            _both(u[bundled & cross], v[bundled & cross]),
            _both(u[bundled], v[bundled]),
        )
    events = dataset.events.rename({"user_id": "basket_id"})
    graph = mine(events, len(catalog), MiningConfig(min_co_purchase=1))
    catalog = _with_clusters(catalog)
    bought = graph["co_purchase"]
    cross = catalog.type_codes[bought.sources] != catalog.type_codes[bought.targets]
    complements = _both(bought.sources[cross], bought.targets[cross])
    twice = cross & (bought.count.data > 1)
    raw = (bought.sources, bought.targets, bought.count.data)
    tested = _both(bought.sources[twice], bought.targets[twice])
    return Pairs(catalog, graph, raw, complements, None, tested)


def _both(u: np.ndarray, v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    found = np.unique(np.column_stack([np.r_[u, v], np.r_[v, u]]), axis=0)
    return found[:, 0], found[:, 1]


def _with_clusters(catalog: Catalog, clusters: int = 150) -> Catalog:
    from sklearn.cluster import KMeans

    vectors = LatentAttributes(64, 0).fit(catalog).encode(catalog)
    found = KMeans(clusters, n_init=1, random_state=0).fit_predict(vectors)
    return Catalog(catalog.frame.with_columns(type=pl.Series([f"cluster {c}" for c in found])))


@dataclass
class Split:
    """A data set split by source: a held-out source has no edge in `train`, in any relation.

    Attributes:
        part: (n,) 0 train, 1 valid, 2 test.
        train: the graph without held-out sources.
        rules: coherence, learned from train.
        lists: part -> lists; those of test have at most three for a source.
        human: test lists whose complement people bundled, coherent by the rules or not.
    """

    pairs: Pairs
    part: np.ndarray
    train: RelationGraph
    rules: Coherence
    lists: dict[str, CandidateLists]
    human: CandidateLists | None


def split(pairs: Pairs, seed: int) -> Split:
    """Hold out a fifth of the sources, where few are tested four tenths: a quarter to validate."""
    n = len(pairs.catalog)
    u, v = pairs.complements
    rng = np.random.default_rng(seed)
    part = np.zeros(n, dtype=np.int8)
    few = pairs.tested is not None
    shuffled = rng.permutation(np.unique(u if pairs.tested is None else pairs.tested[0]))
    part[shuffled[: len(shuffled) // (10 if few else 20)]] = 1
    part[
        shuffled[len(shuffled) // (10 if few else 20) : len(shuffled) * (4 if few else 2) // 10]
    ] = 2
    train = pairs.graph.without_products(np.flatnonzero(part > 0).astype(np.int32))
    known = (part[u] == 0) & (part[v] == 0)
    rules = Coherence.fit(pairs.catalog, u[known], v[known], seed)
    coherent = rules.coherent(u, v)
    strong = np.ones(len(u), dtype=bool)
    if pairs.tested is not None:
        strong = np.isin(u * n + v, pairs.tested[0] * n + pairs.tested[1])
    a, b, _ = pairs.raw
    together = _by_product(n, a, b)
    bundled = _by_product(n, *(pairs.bundled or (u, v)))
    if pairs.bundled is None:  # nobody judged: what is bought together and does not cohere
        odd = ~rules.coherent(a, b) & (pairs.catalog.type_codes[a] != pairs.catalog.type_codes[b])
        incoherent, never = _by_product(n, a[odd], b[odd]), _by_product(n, u[coherent], v[coherent])
    else:
        incoherent = [np.setdiff1d(t, x) for t, x in zip(together, bundled, strict=True)]
        never = bundled
    codes = pairs.catalog.type_codes
    of_type = _by_product(int(codes.max()) + 1, codes, np.arange(n))
    substitutes = [np.setdiff1d(of_type[codes[row]], [row]) for row in range(n)]
    incoherent = [t[codes[t] != codes[row]] for row, t in enumerate(incoherent)]
    every = np.arange(n)
    alike = []
    for row in range(n):
        found = every[rules.coherent(np.full(n, row), every) & (codes != codes[row])]
        alike.append(np.setdiff1d(found, together[row]))
    popularity = np.bincount(a[(part[a] == 0) & (part[b] == 0)], minlength=n).astype(np.float32)

    def lists(chosen: np.ndarray, most: int | None, salt: int) -> CandidateLists:
        rows = np.flatnonzero(chosen)
        if most is not None:
            rows = np.random.default_rng(salt).permutation(rows)
            order = np.argsort(u[rows], kind="stable")
            place = np.arange(len(rows)) - np.searchsorted(u[rows][order], u[rows][order])
            rows = np.sort(rows[order[place < most]])
        return make_candidate_lists(
            u[rows].astype(np.int32),
            v[rows].astype(np.int32),
            excluded=never,
            incoherent=incoherent,
            substitutes=substitutes,
            alike=alike,
            popularity=popularity,
            negatives=NEGATIVES,
            seed=salt,
        )

    # a source is held out with all its pairs; what it is a target of in train is left out too
    parts = {
        "train": lists(coherent & known, None, seed),
        "valid": lists(coherent & strong & (part[u] == 1), 2, seed + 1),
        "test": lists(coherent & strong & (part[u] == 2), 3, seed + 2),
    }
    human = None if pairs.bundled is None else lists(part[u] == 2, 1, seed + 3)
    return Split(pairs, part, train, rules, parts, human)


def _by_product(n: int, u: np.ndarray, v: np.ndarray) -> list[np.ndarray]:
    order = np.lexsort((v, u))
    starts = np.searchsorted(u[order], np.arange(n + 1))
    return [np.unique(v[order[a:b]]) for a, b in pairwise(starts)]
