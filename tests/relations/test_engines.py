"""One log, counted by DuckDB, in memory, and by Spark: the same edges."""

import ibis
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goeswith.core.jit import has_numba
from goeswith.relations.config import MiningConfig
from goeswith.relations.engines import Engine, duckdb_engine, spark_engine
from goeswith.relations.mine import mine_table
from goeswith.relations.mining.event_log import encode_events
from goeswith.relations.mining_report import MiningReport
from goeswith.relations.pair_counts import count_pairs

N = 12
CONFIGS = {
    "defaults": MiningConfig(min_co_purchase=1, min_co_view=1, min_view_then_purchase=1),
    "support": MiningConfig(min_co_purchase=2, min_co_view=3, max_basket=6),
    "days": MiningConfig(purchase_window="days", window_days=1, min_co_purchase=1),
    "votes": MiningConfig(per_user_cap=1, min_co_purchase=1),
    "age": MiningConfig(half_life_days=2, min_co_purchase=1),
}
LOGS = {
    "sessions and baskets": ("user_id", "session_id", "basket_id", "timestamp", "position"),
    "sessions by gap": ("user_id", "timestamp"),
    "no order": ("session_id", "basket_id"),
}

ON_SPARK = ("sessions and baskets, defaults", "sessions by gap, days")


def log(seed, columns, rows=400):
    rng = np.random.default_rng(seed)
    session = rng.integers(40, size=rows)
    known = rng.random(rows) < 0.9
    event = rng.choice(["view", "view", "purchase", "cart"], rows)
    minutes = session * 100 + rng.integers(20, size=rows) * 5
    frame = pl.DataFrame(
        {
            "product": np.minimum(rng.geometric(0.2, rows) - 1, N - 1).astype(np.int32),
            "event": event,
            "user_id": [f"u{s % 9}" if k else None for s, k in zip(session, known, strict=True)],
            "session_id": [f"s{s}" for s in session],
            "basket_id": [f"b{s}" if e == "purchase" else None for s, e in zip(session, event)],  # noqa: B905
            "timestamp": pl.Series(minutes * 60_000_000).cast(pl.Datetime("us")),
            "position": [int(p) if p < 7 else None for p in rng.integers(8, size=rows)],
        }
    )
    return frame.select("product", "event", *columns)


def mined(events, engine, config):
    report = MiningReport()
    graph = mine_table(ibis.memtable(encode_events(events).to_arrow()), N, engine, config, report)
    return graph, report


def assert_same(one, other):
    (graph, report), (theirs, their_report) = one, other
    assert report == their_report
    assert graph.relations.keys() == theirs.relations.keys()
    for name, relation in graph.relations.items():
        their = theirs[name]
        assert np.array_equal(relation.count.indptr, their.count.indptr), name
        assert np.array_equal(relation.count.indices, their.count.indices), name
        assert np.allclose(relation.count.data, their.count.data, rtol=1e-6), name
        for field in ("source_first", "seen", "source_contexts", "target_contexts"):
            mine, yours = getattr(relation, field), getattr(their, field)
            assert (mine is None) == (yours is None), (name, field)
            assert mine is None or np.allclose(mine, yours, rtol=1e-6), (name, field)
        assert relation.contexts == pytest.approx(their.contexts), name


def cases():
    for log_name, columns in LOGS.items():
        for config_name, config in CONFIGS.items():
            if config_name not in ("days", "age") or "timestamp" in columns:
                yield pytest.param(columns, config, id=f"{log_name}, {config_name}")


@pytest.mark.skipif(not has_numba(), reason="numba is not installed")
@pytest.mark.parametrize(("columns", "config"), list(cases()))
def test_pairs_counted_in_memory_are_those_that_the_engine_counts(columns, config):
    events = log(1, columns)
    with duckdb_engine(1024) as engine:
        assert engine.pair_memory
        found = mined(events, engine, config)
        assert_same(found, mined(events, Engine(engine.read, engine.materialize), config))
    assert len(found[0]["co_purchase"]) > 0


@pytest.mark.skipif(not has_numba(), reason="numba is not installed")
@settings(deadline=None, max_examples=40)
@given(
    contexts=st.lists(
        st.dictionaries(st.integers(0, 6), st.tuples(st.integers(0, 3) | st.none(), st.booleans())),
        min_size=1,
        max_size=8,
    ),
    least=st.integers(1, 3),
    ordered=st.booleans(),
    apart=st.booleans(),
)
def test_every_pair_is_met_once_and_none_that_is_too_rare_is_kept(contexts, least, ordered, apart):
    rows = [(i, p, m, a) for i, held in enumerate(contexts) for p, (m, a) in held.items()]
    context, product, moment, flag = (np.array([row[i] for row in rows]) for i in range(4))
    found = count_pairs(
        context.astype(np.int32),
        product.astype(np.int32),
        7,
        least,
        moment=moment.astype(float) if ordered else None,
        apart=flag.astype(bool) if apart else None,
    )
    expected = {}
    for held in contexts:
        for u in held:
            for v in held:
                if u < v and not (apart and held[u][1] and held[v][1]):
                    a, b = held[u][0], held[v][0]
                    known = a is not None and b is not None
                    count, first, second = expected.get((u, v), (0, 0, 0))
                    first, second = first + (known and a < b), second + (known and a > b)
                    expected[u, v] = (count + 1, first, second)
    assert found.n_seen == len(expected)
    first, second = found.source_first, found.target_first
    if not ordered:
        assert first is None
        assert second is None
        first = second = np.zeros(len(found.count))
    there = zip(found.count.tolist(), first.tolist(), second.tolist(), strict=True)
    pairs = zip(found.source.tolist(), found.target.tolist(), strict=True)
    assert dict(zip(pairs, there, strict=True)) == {
        pair: counts if ordered else (counts[0], 0, 0)
        for pair, counts in expected.items()
        if counts[0] >= least
    }


def test_a_log_in_several_parquet_files_is_mined_where_it_lies(tmp_path):
    events = log(3, LOGS["sessions and baskets"])
    encoded = encode_events(events)
    for i in range(3):
        encoded[i::3].write_parquet(tmp_path / f"part-{i}.parquet")
    config, report = CONFIGS["defaults"], MiningReport()
    with duckdb_engine(1024) as engine:
        graph = mine_table(engine.read(str(tmp_path / "*.parquet")), N, engine, config, report)
        assert_same((graph, report), mined(events, engine, config))


@pytest.mark.skipif(not has_numba(), reason="numba is not installed")
def test_a_row_with_more_pairs_than_there_is_room_for_is_counted_all_the_same(monkeypatch):
    monkeypatch.setattr("goeswith.relations.pair_counts._INITIAL_CAPACITY", 1)
    context, product = np.repeat(np.arange(2), 30), np.tile(np.arange(30), 2)
    found = count_pairs(context.astype(np.int32), product.astype(np.int32), 30, 2)
    assert len(found.count) == found.n_seen == 30 * 29 // 2
    assert (found.count == 2).all()


@pytest.mark.spark
@pytest.mark.filterwarnings("ignore")  # its own, of pandas and of sockets
@pytest.mark.parametrize(("columns", "config"), [case for case in cases() if case.id in ON_SPARK])
def test_spark_finds_the_edges_that_duckdb_finds(spark, columns, config):
    events = log(2, columns)
    with duckdb_engine(1024) as engine:
        expected = mined(events, Engine(engine.read, engine.materialize), config)
    with spark_engine(spark) as engine:
        assert_same(mined(events, engine, config), expected)
