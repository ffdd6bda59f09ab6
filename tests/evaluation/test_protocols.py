import numpy as np
import polars as pl
import pytest

from goeswith.core.errors import ConfigError, DataError, LeakError
from goeswith.evaluation.leak_check import check_leak
from goeswith.evaluation.protocols import PROTOCOLS, protocol
from goeswith.evaluation.protocols.case import BenchmarkData, rank_among
from goeswith.relations.build_graph import build_graph
from goeswith.relations.graph import RelationGraph
from goeswith.relations.labelled_pairs import labelled_session_pairs
from goeswith.relations.relation import CO_PURCHASE, CO_VIEW, pair_keys
from goeswith.settings.sections import Settings


def only(name, dataset, seed=0):
    (case,) = protocol(name)(BenchmarkData(dataset, Settings()), seed)
    return case


def measure(case, model):
    return case.measure(case.answer(model)).values()


def truth_table(n, sources, targets):
    table = np.zeros((n, n), dtype=np.float32)
    table[sources, targets] = 1
    return table


def test_an_unknown_protocol_is_refused_with_the_nearest_known_one():
    with pytest.raises(ConfigError, match="there is no protocol 'edge'; did you mean 'edges'"):
        protocol("edge")


def test_a_ranking_among_candidates_holds_nothing_else_and_never_the_source(table_model):
    model = table_model(np.random.default_rng(0).random((30, 30)))
    candidates = np.arange(30) < 12
    sources = np.arange(0, 30, 2, dtype=np.int32)
    ranking = rank_among(model, sources, candidates)
    assert ranking.shape == (15, 60)
    for source, row in zip(sources, ranking, strict=True):
        assert set(row[row >= 0]) == set(range(12)) - {source}


def test_edges_are_ranked_without_train_targets_and_the_truth_gets_1(listed, table_model):
    case = only("edges", listed)
    model = table_model(truth_table(100, case.sources, case.targets))
    values = measure(case, model)
    assert values["ndcg@10"] == pytest.approx(1)
    assert values["mrr@20"] == 1
    assert values["direction_accuracy"] == 1
    ranking = case.answer(model)["ranking"]
    known = case.train.complements.count
    for source, row in zip(np.unique(case.sources), ranking, strict=True):
        assert not set(row) & set(known[source].indices)
        assert source not in row


def test_edges_has_every_metric_of_a_warm_ranking(listed, table_model):
    case = only("edges", listed)
    values = measure(case, table_model(np.random.default_rng(0).random((100, 100))))
    assert set(values) == {
        *("hit@1", "hit@3", "hit@10", "hit@60", "ndcg@10", "mrr@20", "type_hit@3"),
        *("substitutes@10", "types@10", "type_entropy@10", "coverage@10", "direction_accuracy"),
        *("hit@10.head", "hit@10.torso", "hit@10.tail"),
    }
    assert values["direction_accuracy"] == pytest.approx(0.5, abs=0.12)


def test_substitutes_are_judged_by_the_views_of_the_whole_data(listed, table_model):
    case = only("edges", listed)
    views = build_graph(listed)["co_view"].count.toarray()
    values = measure(case, table_model(np.where(views + views.T > 0, 1.0, -np.inf)))
    assert values["substitutes@10"] == 1
    assert (
        measure(case, table_model(np.where(views + views.T > 0, -1.0, 1.0)))["substitutes@10"] == 0
    )


def test_where_nobody_viewed_there_is_no_share_of_substitutes(shop, make_dataset, table_model):
    bought = build_graph(make_dataset(shop[0], relations=_frame(shop[1], "co_purchase")))
    assert "co_view" not in bought
    case = only("edges", make_dataset(shop[0], relations=_frame(shop[1], "co_purchase")))
    assert "substitutes@10" not in measure(case, table_model(np.zeros((100, 100))))


def _frame(graph, name):
    relation = graph[name]
    return pl.DataFrame({"source": relation.sources, "target": relation.targets}).with_columns(
        relation=pl.lit(name)
    )


def test_direction_is_judged_on_one_way_edges_only(shop, make_dataset, table_model):
    # 0 <-> 1 both ways, all others one way
    edges = [(0, 1), (1, 0), *((u, u + 1) for u in range(2, 40, 2))]
    graph = RelationGraph.from_edges(100, [(u, v, CO_PURCHASE) for u, v in edges])
    dataset = make_dataset(shop[0], relations=_frame(graph, CO_PURCHASE))
    for seed in range(6):
        case = only("direction", dataset, seed)
        judged = set(zip(case.sources[case.one_way], case.targets[case.one_way], strict=True))
        assert judged
        assert not judged & {(0, 1), (1, 0)}
    table = np.tile(np.arange(100.0), (100, 1))  # the later product always wins
    assert measure(case, table_model(table)) == {"direction_accuracy": 1}
    assert measure(case, table_model(table * 0)) == {"direction_accuracy": 0.5}


def test_data_without_one_way_edges_has_no_direction_to_judge(shop, make_dataset):
    edges = [(u, v, CO_PURCHASE) for u in range(5) for v in range(5) if u != v]
    dataset = make_dataset(
        shop[0], relations=_frame(RelationGraph.from_edges(100, edges), CO_PURCHASE)
    )
    with pytest.raises(DataError, match="goes both ways"):
        only("direction", dataset)


def test_data_with_too_few_edges_is_refused(shop, make_dataset):
    graph = RelationGraph.from_edges(100, [(0, 1, CO_PURCHASE)])
    with pytest.raises(DataError, match="1 complement edges are too few"):
        only("edges", make_dataset(shop[0], relations=_frame(graph, CO_PURCHASE)))


def test_cold_sources_are_ranked_among_warm_and_warm_sources_among_cold(listed, table_model):
    case = only("cold", listed)
    whole = build_graph(listed).complements
    values = measure(case, table_model(truth_table(100, whole.sources, whole.targets)))
    assert values["ndcg@10"] == pytest.approx(1)
    assert values["cold_target.ndcg@10"] == pytest.approx(1)
    answers = case.answer(table_model(np.random.default_rng(0).random((100, 100))))
    assert not case.cold[answers["from_cold"][answers["from_cold"] >= 0]].any()
    assert case.cold[answers["to_cold"][answers["to_cold"] >= 0]].all()


def test_a_model_blind_to_cold_products_shows_none_of_them(listed, table_model):
    case = only("cold", listed)
    blind = np.random.default_rng(0).random((100, 100))
    blind[:, case.cold] = -np.inf
    values = measure(case, table_model(blind))
    assert values["cold_share@10"] == 0
    assert values["cold_target.hit@10"] == 0
    only_cold = np.where(case.cold, 1.0, -np.inf)
    assert measure(case, table_model(np.tile(only_cold, (100, 1))))["cold_share@10"] == 1


def test_time_asks_for_later_complements_and_tells_new_pairs_apart(logged, table_model):
    case = only("time", logged)
    known = case.train.complements.count
    sources, targets = case.truth.nonzero()
    new = np.asarray(known[sources, targets]).ravel() == 0
    assert 0 < new.sum() < len(new)
    assert {(61, 81), (81, 61)} <= set(zip(sources[new], targets[new], strict=True))
    repeats = measure(case, table_model(known.toarray()))
    assert repeats["hit@10"] > 0.3
    truth = measure(case, table_model(case.truth.toarray()))
    assert truth["ndcg@10"] == pytest.approx(1)
    assert truth["hit@10.new"] == 1
    blind = known.toarray()
    blind[blind == 0] = -np.inf
    assert measure(case, table_model(blind))["hit@10.new"] == 0


def test_time_learns_from_earlier_events_only(logged):
    case = only("time", logged)
    cut = logged.events["timestamp"].quantile(0.8)
    earlier = logged.events.filter(pl.col("timestamp") < cut)
    assert case.train[CO_PURCHASE].contexts == earlier["basket_id"].n_unique()


def test_time_needs_events(listed):
    with pytest.raises(DataError, match="needs a table of events"):
        only("time", listed)


def test_gold_gives_bundled_pairs_the_better_direction(judged, table_model):
    cases = list(protocol("gold")(BenchmarkData(judged, Settings()), 0))
    assert len(cases) == 5
    pairs = labelled_session_pairs(judged.sessions, judged.bundles)
    assert sum(len(case.sources) for case in cases) == pairs.height
    for case in cases:
        table = truth_table(100, case.targets[case.bundled], case.sources[case.bundled])
        # a pair may be bundled in one session and not in another
        assert measure(case, table_model(table))["auc"] > 0.9
        assert measure(case, table_model(table * 0))["auc"] == 0.5


def test_gold_trains_on_no_pair_of_a_test_session(judged):
    for case in protocol("gold")(BenchmarkData(judged, Settings()), 1):
        tested = set(pair_keys(case.sources, case.targets, 100).tolist())
        for name in (CO_PURCHASE, CO_VIEW):
            relation = case.train[name]
            assert len(relation)
            assert not tested & set(pair_keys(relation.sources, relation.targets, 100).tolist())


def test_gold_tells_apart_the_pairs_of_products_that_no_train_session_holds(judged, table_model):
    for case in protocol("gold")(BenchmarkData(judged, Settings()), 0):
        learned = case.train[CO_PURCHASE].count + case.train[CO_VIEW].count
        assert not learned[~case.seen].nnz
        assert case.seen.any()
        truth = truth_table(100, case.sources[case.bundled], case.targets[case.bundled])
        values = measure(case, table_model(truth))
        ends = case.seen[np.concatenate([case.sources, case.targets])]
        assert values["known_products"] == pytest.approx(ends.mean())
        assert values["auc"] > 0.9
        unseen = ~(case.seen[case.sources] | case.seen[case.targets])
        assert (values["auc.unseen"] is None) == (len(set(case.bundled[unseen])) < 2)


def test_gold_needs_sessions_and_bundles(listed):
    with pytest.raises(DataError, match="sessions and bundles"):
        only("gold", listed)


@pytest.mark.parametrize(
    ("name", "data", "spoiled"),
    [("edges", "listed", "warm"), ("cold", "listed", "cold"), ("gold", "judged", "gold")],
)
def test_no_protocol_hands_out_a_case_without_the_leak_check(
    name, data, spoiled, request, monkeypatch
):
    def found(*_):
        raise LeakError("found")

    monkeypatch.setattr(f"goeswith.evaluation.protocols.{spoiled}.check_leak", found)
    ground = BenchmarkData(request.getfixturevalue(data), Settings())
    with pytest.raises(LeakError, match="found"):
        next(iter(PROTOCOLS[name](ground, 0)))


def test_a_split_that_forgets_a_relation_is_caught(listed, monkeypatch):
    """The leak of public code, planted: pairs leave co_purchase but stay in other relations."""

    def careless(self, keys):
        bought = self[CO_PURCHASE]
        kept = bought.filter(
            ~(np.isin(pair_keys(bought.sources, bought.targets, self.n), keys))
            | (bought.sources > bought.targets)  # reversed twins stay
        )
        return RelationGraph(self.n, {**self.relations, CO_PURCHASE: kept})

    edges = build_graph(listed).complements
    two_way = RelationGraph.from_edges(
        100,
        [
            (u, v, CO_PURCHASE)
            for a, b in zip(edges.sources, edges.targets, strict=True)
            for u, v in ((a, b), (b, a))
        ],
    )
    ground = BenchmarkData(listed, Settings())
    object.__setattr__(ground, "graph", two_way)
    assert only_case(ground)
    monkeypatch.setattr(RelationGraph, "without", careless)
    with pytest.raises(LeakError, match="co_purchase"):
        only_case(ground)


def only_case(ground):
    (case,) = protocol("edges")(ground, 0)
    check_leak(case.train, case.sources, case.targets)
    return case
