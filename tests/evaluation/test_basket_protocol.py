"""The protocol basket: splits without leaks, metrics against hand-made answers."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from goeswith.core.errors import DataError
from goeswith.data.dataset import Dataset
from goeswith.evaluation.comparison import benchmark
from goeswith.evaluation.deployed_model import verdict
from goeswith.evaluation.protocols import default_protocol
from goeswith.evaluation.protocols.basket_protocol import BasketCase, basket_protocol
from goeswith.evaluation.protocols.case import BenchmarkData
from goeswith.settings.sections import Settings


def log(baskets: int = 400, *, timed: bool = True) -> Dataset:
    """Pairs 2 i, 2 i + 1 are bought together, with a third product by chance."""
    rng = np.random.default_rng(0)
    rows = []
    for basket in range(baskets):
        pair = int(rng.integers(10))
        for product in {2 * pair, 2 * pair + 1, int(rng.integers(20))}:
            moment = datetime(2026, 1, 1) + timedelta(hours=basket)
            rows.append((f"p{product:02}", f"b{basket}", f"u{basket % 40}", moment))
    frame = pl.DataFrame(
        rows, schema=["product_id", "basket_id", "user_id", "timestamp"], orient="row"
    )
    return Dataset.from_frames(events=frame if timed else frame.drop("timestamp", "user_id"))


def case_of(dataset: Dataset, seed: int = 0) -> BasketCase:
    (case,) = basket_protocol(BenchmarkData(dataset, Settings()), seed)
    assert isinstance(case, BasketCase)
    return case


@pytest.mark.parametrize("timed", [True, False])
def test_no_held_out_basket_is_in_the_training_data(timed: bool) -> None:
    dataset = log(timed=timed)
    case = case_of(dataset)
    assert case.train.baskets is not None
    assert case.train.baskets.shape[0] + case.baskets.shape[0] <= 400
    assert case.baskets.shape[0] == pytest.approx(80, abs=2)
    total = np.bincount(case.train.baskets.indices, minlength=20) + np.bincount(
        case.baskets.indices, minlength=20
    )
    assert dataset.events is not None
    assert total.sum() <= dataset.events.height
    assert (case.owned is not None) == timed


def test_the_source_is_in_its_basket_and_differs_by_seed() -> None:
    first, second = case_of(log(), 0), case_of(log(), 1)
    rows = np.arange(len(first.sources))
    assert np.asarray(first.baskets[rows, first.sources]).all()
    assert (first.sources != second.sources).any()


def test_metrics_of_perfect_and_of_wrong_answers() -> None:
    case = case_of(log())
    rows = len(case.sources)
    perfect = np.full((rows, 10), -1, dtype=np.int32)
    for row, source in enumerate(case.sources.tolist()):
        basket = case.baskets.indices[case.baskets.indptr[row] : case.baskets.indptr[row + 1]]
        rest = basket[basket != source]
        perfect[row, : len(rest)] = rest
    one_out = np.full((rows, 10), -1, dtype=np.int32)
    one_out[:, 3] = case.sources
    best = case.measure({"one in": perfect, "one out": one_out}).values()
    for name in ("attach@10", "recall@10", "stratified@10", "ndcg@10", "last@10"):
        assert best[name] == pytest.approx(1), name
    nothing = np.full((rows, 10), -1, dtype=np.int32)
    worst = case.measure({"one in": nothing, "one out": nothing}).values()
    for name in ("attach@10", "recall@10", "stratified@10", "ndcg@10", "last@10"):
        assert worst[name] == 0, name


def test_the_table_has_the_deployed_model_and_a_verdict_in_words() -> None:
    table = benchmark(log(), None, ["basket"], [0])
    specs = [row["model"] for row in table["results"]]
    assert table["deployed"] == "basket_ranker"
    assert "basket_ranker" in specs
    assert "baskets:form=ease" in specs
    words = verdict(table)
    assert words is not None
    assert words.startswith("deployed: basket_ranker")
    assert "95 % interval" in words


def test_models_with_the_same_rankings_are_named() -> None:
    table = benchmark(log(), ["baskets", "baskets:prior=30.0", "popularity"], ["basket"], [0])
    assert [row.get("same_as") for row in table["results"]] == [None, "baskets", None]


def test_events_have_the_protocol_by_default_and_lists_do_not(tmp_path: Path) -> None:
    assert default_protocol(log()) == "basket"
    lists = Dataset.from_frames(
        relations=pl.DataFrame({"source": ["a"], "target": ["b"], "relation": ["co_purchase"]})
    )
    assert default_protocol(lists) == "edges"
    with pytest.raises(DataError, match="needs a table of events with purchases"):
        next(iter(basket_protocol(BenchmarkData(lists, Settings()), 0)))
