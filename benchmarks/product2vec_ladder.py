"""Product2Vec from the paper's form to one that finds similar products, a change at a time.

    python benchmarks/product2vec_ladder.py [--data amazon-beauty amazon-grocery] [--seeds 0 1 2]

Product2Vec learns similarity, so that is measured, beside the complements that it should not find.
Each rung is fitted once on a split of `goeswith benchmark --protocol edges` from which a tenth of
the similar pairs (viewed together, and not bought) and all edges of a twentieth of the products
are left out, too:

- `similar`: hit@10 and nDCG@10 of the similar pairs held out;
- `cold`: the same of similar products of the products left out, which only attributes are known of;
- `complements`: nDCG@10 of the held-out complements, as in the tables of `goeswith benchmark`.

Negatives other than the paper's are drawn here and given to the model in the place of complements.
What is stored already is not measured again: a run that was stopped goes on where it was.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import numpy as np

from goeswith.core.arrays import Rows, Sparse
from goeswith.evaluation import metrics
from goeswith.evaluation.metrics import Rankings
from goeswith.evaluation.protocols.case import rank_and_score
from goeswith.evaluation.protocols.held_out_edges import EdgesCase
from goeswith.models import make_model, model_class
from goeswith.models.base import Recommender
from goeswith.models.registry import model_name
from goeswith.relations.graph import RelationGraph, Signals
from goeswith.relations.pair_split import hold_out_pairs
from goeswith.relations.relation import Relation, csr
from ladder import climb

_SOFTMAX: Final = "product2vec_softmax"
RUNGS: Final = {
    "attributes alone": "attribute_similarity",
    "the paper's form": "product2vec",
    "random negatives too": "product2vec negatives=both",
    "random negatives alone": "product2vec negatives=random",
    "softmax over the catalogue, temperature 1": f"{_SOFTMAX}:id_vectors=false,temperature=1",
    "temperature .1": f"{_SOFTMAX}:id_vectors=false",
    "id vectors (the last rung)": _SOFTMAX,
    "towers": "directed_propagation:layers=0 on similar pairs",
    "EASE": "ease on similar pairs",
}
_RANDOM: Final = 20
"""Random products that a product is driven away from."""


def swapped(graph: RelationGraph) -> RelationGraph:
    """The graph with similar pairs in the place of complements, and the reverse."""
    return replace(graph, signals=Signals(graph.similars, graph.complements))


def with_random_complements(graph: RelationGraph, seed: int, *, both: bool) -> RelationGraph:
    """The graph with random pairs in the place of complements, or beside them."""
    sources = np.repeat(np.arange(graph.n), _RANDOM)
    targets = np.random.default_rng(seed).integers(graph.n, size=len(sources))
    drawn = csr(graph.n, sources, targets, np.ones(len(sources)))
    drawn = drawn - drawn.multiply(graph.similars.count > 0)
    drawn.eliminate_zeros()
    count = (drawn + graph.complements.count) if both else drawn
    return replace(graph, signals=Signals(Relation(count.tocsr()), graph.similars))


def fit(case: EdgesCase, graph: RelationGraph, rung: str, seed: int) -> Recommender:
    """The model of a rung."""
    spec, _, given = rung.partition(" ")
    seeded = "seed" in model_class(model_name(spec)).Config.model_fields
    model = make_model(spec, {model_name(spec): {"seed": seed}} if seeded else {})
    if given == "on similar pairs":
        graph = swapped(graph)
    elif given:
        graph = with_random_complements(graph, seed, both=given == "negatives=both")
    return model.fit(case.catalog, graph)


def ranked(
    model: Recommender, ends: tuple[Rows, Rows], exclude: Sparse | None
) -> dict[str, float | None]:
    """hit@10 and nDCG@10 of pairs, over the catalogue without the products to exclude."""
    truth = csr(model.n, *ends, np.ones(len(ends[0])))
    rows = np.unique(ends[0])
    none = np.zeros(0, dtype=np.int32)
    rankings = Rankings(rows, rank_and_score(model, rows, exclude, none, none)[0], truth)
    return {
        "hit@10": metrics.hit(rankings, 10).value,
        "ndcg@10": metrics.ndcg(rankings, 10).value,
    }


def measure(case: EdgesCase, rung: str, seed: int, split_seed: int | None = None) -> dict[str, Any]:
    """Figures of a rung on one split, which is drawn by `seed` unless it has a seed of its own."""
    split_seed = seed if split_seed is None else split_seed
    cold = np.random.default_rng(split_seed).permutation(case.train.n)[: case.train.n // 20]
    warm = case.train.without_products(cold.astype(np.int32))
    split = hold_out_pairs(swapped(warm), 0.1, split_seed)
    graph = swapped(split.graph)
    model = fit(case, graph, rung, seed)
    of_cold = case.train.similars.filter(np.isin(case.train.similars.sources, cold))
    is_new = np.zeros(model.n, dtype=bool)
    is_new[cold] = True
    to_warm = ~is_new[of_cold.targets]
    warm_test = ~is_new[case.sources] & ~is_new[case.targets]
    figures: dict[str, Any] = {
        "similar": ranked(model, (split.sources, split.targets), graph.similars.count),
        "cold": ranked(model, (of_cold.sources[to_warm], of_cold.targets[to_warm]), None),
        "complements": ranked(
            model, (case.sources[warm_test], case.targets[warm_test]), graph.complements.count
        ),
    }
    return figures | {
        "epochs": [
            {"loss": round(epoch["loss"], 4), "validation": round(epoch["validation"], 4)}
            for epoch in getattr(model, "history", [])
        ]
    }


if __name__ == "__main__":
    climb(RUNGS, measure, "product2vec_ladder", __doc__)
