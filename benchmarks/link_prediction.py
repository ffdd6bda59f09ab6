"""Link prediction on gatne-amazon's fixed files: `python benchmarks/link_prediction.py`.

Two relations (bought together, viewed together) of Amazon electronics, undirected, without product
attributes. For each relation a method scores the tested pairs, half of which are random; ROC-AUC,
PR-AUC and F1 are averaged over the two. F1 is taken at the threshold that predicts as many links
as there are, as in the published protocol (GATNE; Cen et al., KDD 2019).

Validation pairs serve only `hops_learned`, which learns from them how much each hop tells.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
from rich.console import Console
from rich.table import Table
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import auc, f1_score, precision_recall_curve, roc_auc_score

from goeswith.core.arrays import Floats, Rows, Sparse, inverse_power, scale_columns, scale_rows
from goeswith.data.catalog import Catalog
from goeswith.models.neural.directed_propagation import (
    DirectedPropagation,
    DirectedPropagationConfig,
)
from goeswith.relations.graph import RelationGraph
from goeswith.relations.relation import CO_PURCHASE, csr

DATA = Path(__file__).parents[2] / "shared" / "data" / "gatne-amazon"
RESULT = Path(__file__).parent / "results" / "gatne-amazon.json"
PUBLISHED = {"GATNE-T": (97.44, 97.05, 92.87), "DeepWalk": (94.20, 94.03, 87.38)}
METRICS = ("roc_auc", "pr_auc", "f1")
HOPS = 5
BLOCK = 512

Pairs = tuple[Rows, Rows]


def read(path: Path) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame, int]:
    """Train, validation and test with products as rows, and how many products there are."""
    frames = [pl.read_parquet(path / f"{name}.parquet") for name in ("train", "valid", "test")]
    ids = pl.concat([frame[side] for frame in frames for side in ("source", "target")])
    rows = pl.DataFrame({"id": ids.unique().sort()}).with_row_index("row")
    for side in ("source", "target"):
        frames = [
            frame.join(
                rows.rename({"id": side, "row": f"{side}_row"}), on=side, maintain_order="left"
            )
            .drop(side)
            .rename({f"{side}_row": side})
            for frame in frames
        ]
    return frames[0], frames[1], frames[2], rows.height


def undirected(frame: pl.DataFrame, n: int) -> Sparse:
    """(n, n) CSR of ones, both ways."""
    u, v = frame["source"].to_numpy(), frame["target"].to_numpy()
    matrix = csr(n, np.concatenate([u, v]), np.concatenate([v, u]), np.ones(2 * len(u)))
    matrix.data[:] = 1
    return matrix


def normalised(matrix: Sparse) -> Sparse:
    """D^-1/2 A D^-1/2."""
    power = inverse_power(np.diff(matrix.indptr), 0.5)
    return scale_columns(scale_rows(matrix, power), power)


def hops(matrix: Sparse, pairs: Pairs, longest: int = HOPS) -> Floats:
    """(m, longest) entries of M, M^2, ... at the tested pairs, a block of sources at a time."""
    sources, targets = pairs
    distinct, place = np.unique(sources, return_inverse=True)
    found = np.zeros((len(sources), longest), dtype=np.float32)
    backward = matrix.T.tocsr()
    for start in range(0, len(distinct), BLOCK):
        here = np.flatnonzero((place >= start) & (place < start + BLOCK))
        walks = matrix[distinct[start : start + BLOCK]].toarray().T
        for hop in range(longest):
            found[here, hop] = walks[targets[here], place[here] - start]
            if hop + 1 < longest:
                walks = backward @ walks
    return found


def settings_of(epochs: int) -> dict[str, Any]:
    """What the trained methods are given."""
    return {
        "directed_propagation": DirectedPropagationConfig(
            max_epochs=epochs, id_dropout=0
        ).model_dump(),
        "hops_learned": {"random_state": 0, "max_iter": 200, "learning_rate": 0.05},
        "katz_5_hops": {"hops": HOPS},
    }


def trained_scores(graph: Sparse, pairs: Pairs, settings: dict[str, Any]) -> Floats:
    """Inner products of directed propagation, which here sees every edge both ways."""
    n = graph.shape[0]
    edges = graph.tocoo()
    relation = {CO_PURCHASE: (edges.row.astype(np.int32), edges.col.astype(np.int32))}
    catalog = Catalog(pl.DataFrame({"product_id": [str(i) for i in range(n)]}))
    config = DirectedPropagationConfig.model_validate(settings)
    model = DirectedPropagation(config).fit(catalog, RelationGraph.from_edges(n, relation))
    s, t = model.source_vectors, model.target_vectors
    u, v = pairs
    scores: Floats = (s[u] * t[v]).sum(axis=1) + (s[v] * t[u]).sum(axis=1)
    return scores


def measure(truth: npt.NDArray[np.int8], scores: Floats) -> dict[str, float]:
    """ROC-AUC, PR-AUC and F1 in percent."""
    precision, recall, _ = precision_recall_curve(truth, scores)
    predicted = np.zeros(len(truth), dtype=np.int8)
    predicted[np.argsort(-scores, kind="stable")[: int(truth.sum())]] = 1
    values = (roc_auc_score(truth, scores), auc(recall, precision), f1_score(truth, predicted))
    return {name: round(100 * float(value), 3) for name, value in zip(METRICS, values, strict=True)}


def evaluate(data: Path, epochs: int) -> dict[str, object]:
    """Every method on both relations."""
    train, valid, test, n = read(data)
    settings = settings_of(epochs)
    relations = train["relation"].unique().sort().to_list()
    of = {r: undirected(train.filter(pl.col("relation") == r), n) for r in relations}
    both = undirected(train, n)
    degree = np.diff(both.indptr)

    def pairs(frame: pl.DataFrame) -> Pairs:
        return (
            frame["source"].to_numpy().astype(np.int32),
            frame["target"].to_numpy().astype(np.int32),
        )

    def features(frame: pl.DataFrame, walks: Floats) -> Floats:
        """Hops over both relations and over each alone, degrees, and which relation is asked."""
        u, v = pairs(frame)
        ends = np.sort(np.stack([degree[u], degree[v]], axis=1), axis=1)
        alone = [hops(normalised(of[r]), (u, v)) for r in relations]
        is_first = (frame["relation"].to_numpy() == relations[0]).astype(np.float32)
        return np.hstack([walks, *alone, ends, is_first[:, None]]).astype(np.float32)

    scores: dict[str, Floats] = {}
    seconds: dict[str, float] = {}

    def timed(name: str, started: float, values: Floats) -> None:
        scores[name], seconds[name] = values, round(time.perf_counter() - started, 1)

    u, v = pairs(test)
    started = time.perf_counter()
    timed("degree_product", started, (degree[u] * degree[v]).astype(np.float32))
    started = time.perf_counter()
    timed("common_neighbours", started, hops(both, (u, v), 2)[:, 1])
    started = time.perf_counter()
    walks = hops(normalised(both), (u, v))
    timed("katz_5_hops", started, walks.sum(axis=1))
    started = time.perf_counter()
    timed(
        "directed_propagation",
        started,
        trained_scores(both, (u, v), settings["directed_propagation"]),
    )
    started = time.perf_counter()
    learner = HistGradientBoostingClassifier(**settings["hops_learned"])
    learner.fit(features(valid, hops(normalised(both), pairs(valid))), valid["label"].to_numpy())
    learned = learner.predict_proba(features(test, walks))[:, 1].astype(np.float32)
    timed("hops_learned", started, learned)

    truth, relation = test["label"].to_numpy(), test["relation"].to_numpy()
    results = {}
    for name, values in scores.items():
        each = {r: measure(truth[relation == r], values[relation == r]) for r in relations}
        mean = {m: round(float(np.mean([each[r][m] for r in relations])), 3) for m in METRICS}
        results[name] = {**mean, "seconds": seconds[name], "relations": each}
    reach = [(walks[:, : hop + 1] > 0).any(axis=1) for hop in range(HOPS)]
    reachable = {
        kind: [round(100 * float(r[truth == label].mean()), 2) for r in reach]
        for kind, label in (("links", 1), ("random_pairs", 0))
    }
    return {
        "data": "gatne-amazon",
        "products": n,
        "train_edges": train.height,
        "test_pairs": test.height,
        "settings": settings,
        "results": results,
        "published": {k: dict(zip(METRICS, v, strict=True)) for k, v in PUBLISHED.items()},
        "reachable_within_hops": reachable,
        "cores": len(os.sched_getaffinity(0)),
    }


def show(outcome: dict[str, object]) -> None:
    table = Table("method", "ROC-AUC", "PR-AUC", "F1", "seconds", title="gatne-amazon")
    for where, note in (("results", ""), ("published", " (published)")):
        rows = outcome[where]
        assert isinstance(rows, dict)
        for name, row in rows.items():
            figures = [f"{row[m]:.2f}" for m in METRICS]
            table.add_row(name + note, *figures, str(row.get("seconds", "")))
    Console().print(table)
    print("reachable within 1 to 5 hops, %:", outcome["reachable_within_hops"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--epochs", type=int, default=10, help="of directed propagation, at most")
    parser.add_argument("--json", type=Path, default=RESULT)
    options = parser.parse_args()
    outcome = evaluate(options.data, options.epochs)
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(outcome, indent=2) + "\n", encoding="utf-8")
    show(outcome)


if __name__ == "__main__":
    main()
