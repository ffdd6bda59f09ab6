"""nDCG and MRR against ranx, an independent implementation."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from goeswith.evaluation import metrics
from goeswith.evaluation.metrics import Rankings
from goeswith.relations.relation import csr

_RANX = """
import json, sys, ranx
qrels, run, names = json.load(sys.stdin)
said = ranx.evaluate(ranx.Qrels(qrels), ranx.Run(run), names)
print(json.dumps({name: float(value) for name, value in said.items()}))
"""


def by_ranx(*asked: Any) -> dict[str, float]:
    """In a process of its own: it would compile for a minute what runs uncompiled in milliseconds,
    and numba may be loaded here, and compiling, already."""
    done = subprocess.run(
        [sys.executable, "-c", _RANX],
        input=json.dumps(asked),
        env={**os.environ, "NUMBA_DISABLE_JIT": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found


def test_ndcg_and_mrr_are_those_of_ranx() -> None:
    rng = np.random.default_rng(0)
    n, q, places = 80, 40, 30
    sources = np.arange(q, dtype=np.int32)
    products = np.stack([rng.permutation(n)[:places] for _ in sources]).astype(np.int32)
    u, v = np.unique(rng.integers(0, [[q], [n]], size=(2, 300)), axis=1)
    truth = csr(n, u, v, np.ones(len(u)))
    rankings = Rankings(sources, products, truth)

    asked = [s for s in sources.tolist() if truth[s].nnz]
    qrels = {str(s): {str(t): 1 for t in truth[s].indices} for s in asked}
    run = {
        str(s): {str(p): float(places - i) for i, p in enumerate(products[s].tolist())}
        for s in asked
    }
    theirs = by_ranx(qrels, run, ["ndcg@10", "mrr@20", "hit_rate@10"])
    assert metrics.ndcg(rankings, 10).value == pytest.approx(theirs["ndcg@10"])
    assert metrics.mrr(rankings, 20).value == pytest.approx(theirs["mrr@20"])
    any_hit = metrics.hit(rankings, 10)
    assert np.mean(any_hit.totals[asked] > 0) == pytest.approx(theirs["hit_rate@10"])
