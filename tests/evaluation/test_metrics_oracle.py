"""nDCG and MRR against ranx, an independent implementation."""

import numpy as np
import pytest

from goeswith.evaluation import metrics
from goeswith.evaluation.metrics import Ranked
from goeswith.relations.graph import csr


def test_ndcg_and_mrr_are_those_of_ranx(monkeypatch):
    # it would compile for a minute what runs uncompiled in milliseconds
    monkeypatch.setenv("NUMBA_DISABLE_JIT", "1")
    import ranx

    rng = np.random.default_rng(0)
    n, q, places = 80, 40, 30
    sources = np.arange(q, dtype=np.int32)
    products = np.stack([rng.permutation(n)[:places] for _ in sources]).astype(np.int32)
    u, v = np.unique(rng.integers(0, [[q], [n]], size=(2, 300)), axis=1)
    truth = csr(n, u, v, np.ones(len(u)))
    ranked = Ranked(sources, products, truth)

    asked = [s for s in sources.tolist() if truth[s].nnz]
    qrels = ranx.Qrels({str(s): {str(t): 1 for t in truth[s].indices} for s in asked})
    run = ranx.Run(
        {
            str(s): {str(p): float(places - i) for i, p in enumerate(products[s].tolist())}
            for s in asked
        }
    )
    theirs = ranx.evaluate(qrels, run, ["ndcg@10", "mrr@20", "hit_rate@10"])
    assert metrics.ndcg(ranked, 10).value == pytest.approx(theirs["ndcg@10"])
    assert metrics.mrr(ranked, 20).value == pytest.approx(theirs["mrr@20"])
    any_hit = metrics.hit(ranked, 10)
    assert np.mean(any_hit.totals[asked] > 0) == pytest.approx(theirs["hit_rate@10"])
