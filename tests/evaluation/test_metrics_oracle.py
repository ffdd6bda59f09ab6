"""nDCG and MRR against the figures of ranx, an independent implementation."""

from __future__ import annotations

from typing import Final

import numpy as np
import pytest

from goeswith.evaluation import metrics
from goeswith.evaluation.metrics import Rankings
from goeswith.relations.relation import csr

RANX: Final = {"ndcg@10": 0.10886405193378619, "mrr@20": 0.23834963239375004, "hit_rate@10": 0.575}
"""What `ranx.evaluate` of ranx 0.3.21 returns for the rankings below: `Qrels` of 1 for each true
pair, and a `Run` in which the score of the i-th product is 30 - i."""


def test_ndcg_and_mrr_are_those_of_ranx() -> None:
    rng = np.random.default_rng(0)
    n, q, places = 80, 40, 30
    sources = np.arange(q, dtype=np.int32)
    products = np.stack([rng.permutation(n)[:places] for _ in sources]).astype(np.int32)
    u, v = np.unique(rng.integers(0, [[q], [n]], size=(2, 300)), axis=1)
    assert (products.sum(), len(u)) == (47667, 290)  # else numpy draws others: run ranx on them
    truth = csr(n, u, v, np.ones(len(u)))
    rankings = Rankings(sources, products, truth)
    assert metrics.ndcg(rankings, 10).value == pytest.approx(RANX["ndcg@10"])
    assert metrics.mrr(rankings, 20).value == pytest.approx(RANX["mrr@20"])
    any_hit = metrics.hit(rankings, 10)
    assert np.mean(any_hit.totals > 0) == pytest.approx(RANX["hit_rate@10"])
