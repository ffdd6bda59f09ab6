"""P-Companion: its equations by hand, its answers on a shop with planted types, its slates."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.same import assert_same_scores, assert_same_slates

from goeswith.data.catalog import Catalog
from goeswith.models.neural.p_companion import PCompanion, PCompanionConfig
from goeswith.models.neural.torch_p_companion import NegativeSampler, TypeTransition
from goeswith.models.neural.training import EpochRecord
from goeswith.relations.graph import RelationGraph
from goeswith.relations.relation import csr

Shop = tuple[Catalog, RelationGraph]
SOURCES = np.arange(100, dtype=np.int32)
FLOWS = {"phone": "case", "case": "screen protector", "camera": "tripod"}


def small(**settings: Any) -> PCompanion:
    values = {"dimension": 16, "type_dimension": 8, "max_epochs": 4, "batch": 64}
    return PCompanion(
        PCompanionConfig.model_validate(
            {**values, "learning_rate": 0.01, "patience": 40, **settings}
        )
    )


BEST = {
    "negatives": "random",
    "residual_projection": True,
    "train_projection": "true_type",
    "type_dimension": 32,
    "max_epochs": 40,
}


@pytest.fixture(scope="module")
def fitted(shop: Shop) -> PCompanion:
    return small(**BEST).fit(*shop)


def layers(module: TypeTransition) -> dict[str, np.ndarray]:
    return {name: tensor.detach().numpy() for name, tensor in module.state_dict().items()}


@pytest.mark.parametrize("projection", ["gamma", "true_type"])
@pytest.mark.parametrize("sign", [1, -1])
def test_the_joint_loss_is_that_of_equations_4_to_9(projection: str, sign: int) -> None:
    config = PCompanionConfig.model_validate(
        {"type_dimension": 4, "train_projection": projection, "alpha": 0.7, "epsilon": 0.5}
    )
    torch.manual_seed(0)
    module = TypeTransition(3, 5, config).eval()
    rng = np.random.default_rng(1)
    theta, other = rng.normal(size=(2, 6, 5)).astype(np.float32)
    i, j = np.array([0, 1, 2, 0, 1, 2]), np.array([1, 1, 0, 2, 0, 2])
    loss = module.loss(
        (torch.from_numpy(theta), torch.from_numpy(other)),
        (torch.from_numpy(i), torch.from_numpy(j)),
        sign,
        config,
    )
    w = layers(module)
    hidden = np.maximum(w["query.weight"][i] @ w["narrow.weight"].T + w["narrow.bias"], 0)
    assert hidden.shape == (6, 2)
    gamma = hidden @ w["widen.weight"].T + w["widen.bias"]
    phi = w["complement.weight"][j]
    by = gamma if projection == "gamma" else phi
    projected = theta * (by @ w["project.weight"].T + w["project.bias"])

    def hinge(distance: np.ndarray) -> np.ndarray:
        return np.maximum(0, 0.5 - sign * (1 - distance))

    item = hinge(((projected - other) ** 2).sum(axis=1))
    kind = hinge(((gamma - phi) ** 2).sum(axis=1))
    np.testing.assert_allclose(loss.detach(), 0.7 * item + 0.3 * kind, rtol=1e-5)


def test_a_residual_projection_starts_at_the_identity() -> None:
    plain, residual = (
        TypeTransition(3, 5, PCompanionConfig(residual_projection=on)).project.bias.tolist()
        for on in (False, True)
    )
    assert residual == [1.0] * 5
    assert max(plain) < 1


def test_a_score_is_what_the_joint_loss_makes_small(fitted: PCompanion, shop: Shop) -> None:
    theta = fitted.encoder.encode(shop[0])
    types, alpha = fitted.types, fitted.config.alpha
    module_free = fitted.target_vectors[:, 16:32] / (2 * alpha * theta)  # the projection
    source = 25
    projected = theta[source] * module_free
    item = ((projected - theta) ** 2).sum(axis=1)
    gap = fitted.transitions[types[source]] - fitted.complement_types[types]
    expected = -alpha * item - (1 - alpha) * (gap**2).sum(axis=1)
    scores = fitted.score(np.array([source], dtype=np.int32))[0]
    np.testing.assert_allclose(scores, expected, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("settings", [BEST, {"max_epochs": 40}], ids=["best", "paper"])
@pytest.mark.parametrize("seed", range(3))
def test_the_planted_complement_type_is_found_also_for_cold_products(
    shop: Shop, seed: int, settings: dict[str, Any]
) -> None:
    catalog = shop[0]
    model = small(seed=seed, **settings).fit(*shop)
    kinds = np.array(catalog.type_names)[catalog.type_codes]
    sources = np.flatnonzero(np.isin(kinds, list(FLOWS))).astype(np.int32)
    wanted = np.array([FLOWS[kind] for kind in kinds[sources]])
    products, _ = model.recommend(sources, 5)
    right = (kinds[products] == wanted[:, None]).mean(axis=1)
    assert right.mean() > 0.95
    # by the paper's negatives a model meets nothing unrelated to a source, so among all products
    # something else may come near a cold one; of which type its answers are is known all the same
    if settings is BEST:
        assert right[sources % 20 == 19].mean() > 0.9  # which have no edges
    first = model.slate(sources, types=1, items=3).types[:, 0]
    assert [model.type_names[code] for code in first] == wanted.tolist()


def test_a_slate_takes_one_product_of_each_type_in_turn(fitted: PCompanion, shop: Shop) -> None:
    slate = fitted.slate(SOURCES, types=3, items=4)
    assert slate.products.shape == slate.product_types.shape == (100, 12)
    assert slate.types.shape == (100, 3)
    np.testing.assert_array_equal(slate.product_types, np.tile(slate.types, 4))
    codes = np.array([fitted.type_names.index(name) for name in shop[0].text("type") or []])
    np.testing.assert_array_equal(codes[slate.products], slate.product_types)
    assert not np.any(slate.products == SOURCES[:, None])
    scores = fitted.score(SOURCES)
    best_of_first = np.take_along_axis(scores, slate.products[:, ::3], axis=1)
    assert np.all(np.diff(best_of_first, axis=1) <= 1e-6)


def test_types_come_nearest_first_whichever_sources_are_queried_together(
    fitted: PCompanion,
) -> None:
    slate = fitted.slate(SOURCES, types=5, items=2)
    gap = fitted.transitions[fitted.types][:, None] - fitted.complement_types[slate.types]
    assert np.all(np.diff((gap**2).sum(axis=2), axis=1) >= -1e-4)
    alone = fitted.slate(SOURCES[3:4], types=5, items=2)
    scores = fitted.type_scores(SOURCES[3:4])[0]
    np.testing.assert_allclose(scores[alone.types[0]], scores[slate.types[3]], rtol=1e-4, atol=1e-4)


def test_a_type_with_few_products_leaves_its_turns_to_the_others(fitted: PCompanion) -> None:
    source = np.array([0], dtype=np.int32)
    first = fitted.slate(source, types=2, items=20)
    kind = int(first.types[0, 0])
    members = np.flatnonzero(fitted.types == kind)[2:]
    exclude = csr(100, np.zeros(len(members)), members, np.ones(len(members)))
    slate = fitted.slate(source, types=2, items=20, exclude=exclude)
    left = slate.products[0][slate.products[0] >= 0]
    assert (slate.product_types[0] == kind).sum() <= 2
    assert not np.isin(left, members).any()
    assert np.all(slate.products[0][len(left) :] == -1)
    assert np.all(slate.product_types[0][len(left) :] == -1)


def test_more_types_than_there_are_leave_places_empty(fitted: PCompanion) -> None:
    slate = fitted.slate(SOURCES[:2], types=9, items=1)
    assert np.all(slate.types[:, :5] >= 0)
    assert np.all(slate.types[:, 5:] == -1)
    assert np.all((slate.products >= 0).sum(axis=1) == 5)


def test_a_product_unknown_at_fit_is_scored_by_its_attributes(
    fitted: PCompanion, shop: Shop
) -> None:
    record = shop[0].frame.row(0, named=True)
    twin = Catalog.from_records(
        [{**record, "product_id": "twin"}, {"product_id": "alien", "type": "boat"}]
    )
    scores = fitted.score_new(twin)
    np.testing.assert_allclose(scores[0], fitted.score(np.array([0], np.int32))[0], rtol=1e-4)
    assert np.isneginf(scores[1]).all()


def test_negatives_are_substitutes_or_random_and_never_complements() -> None:
    n, rng = 30, np.random.default_rng(0)
    edges = csr(n, [0, 0, 1], [1, 2, 3], np.ones(3))
    similar = csr(n, [0, 0, 5], [4, 1, 6], np.ones(3))
    sources = np.repeat([0, 1], 50).astype(np.int32)
    drawn = NegativeSampler(edges, similar, "substitutes").draw(sources, rng)
    assert set(map(tuple, drawn.tolist())) == {(0, 4)}  # 1 is a complement, product 1 has none
    drawn = NegativeSampler(edges, similar, "random").draw(sources, rng)
    assert set(map(tuple, drawn.tolist())) == {(0, 3), (1, 0), (1, 2)}
    drawn = NegativeSampler(edges, similar, "both").draw(sources, rng)
    assert set(map(tuple, drawn.tolist())) == {(0, 4), (0, 3), (1, 0), (1, 2)}
    drawn = NegativeSampler(edges, csr(n, [], [], []), "substitutes").draw(sources, rng)
    assert len(drawn) > 0  # without substitutes, random ones


def test_without_types_or_views_it_still_answers(shop: Shop) -> None:
    catalog, graph = shop
    untyped = Catalog(catalog.frame.drop("type"))
    bought = RelationGraph(graph.n, {"co_purchase": graph["co_purchase"]})
    model = small(max_epochs=2).fit(untyped, bought)
    assert model.type_names == [None]
    assert np.isfinite(model.recommend(SOURCES, 5)[1]).all()
    slate = model.slate(SOURCES, types=3, items=2)
    assert np.all(slate.types == [0, -1, -1])


def test_products_without_a_type_are_of_a_type_of_their_own(shop: Shop) -> None:
    frame = shop[0].frame
    kinds = [None if i % 20 == 3 else kind for i, kind in enumerate(frame["type"])]
    typed = Catalog(frame.with_columns(type=np.array(kinds, dtype=object)))
    model = small(max_epochs=1).fit(typed, shop[1])
    assert model.type_names[-1] is None
    assert np.flatnonzero(model.types == len(model.type_names) - 1).tolist() == [3, 23, 43, 63, 83]


def test_a_graph_without_complements_fits(shop: Shop) -> None:
    catalog, graph = shop
    model = small(max_epochs=1).fit(catalog, RelationGraph.from_edges(graph.n, []))
    assert np.isfinite(model.score(SOURCES)).all()


@pytest.mark.one_processor
@pytest.mark.parametrize("stage", ["product2vec", "p_companion"])
def test_a_killed_run_goes_on_to_the_same_scores(stage: str, shop: Shop, tmp_path: Path) -> None:
    whole, killed, resumed = small(), small(), small()
    whole.fit(*shop)
    killed.checkpoints = resumed.checkpoints = tmp_path

    def kill(name: str, epoch: EpochRecord) -> None:
        if (name, epoch["epoch"]) == (stage, 2):
            raise KeyboardInterrupt

    killed.on_epoch = kill
    with pytest.raises(KeyboardInterrupt):
        killed.fit(*shop)
    seen = []
    resumed.on_epoch = lambda name, epoch: seen.append(epoch["epoch"]) if name == stage else None
    resumed.fit(*shop)
    assert seen == [3, 4]
    assert np.array_equal(whole.score(SOURCES), resumed.score(SOURCES))


def test_a_saved_model_gives_the_same_slates_without_training(
    fitted: PCompanion, shop: Shop, tmp_path: Path
) -> None:
    fitted.save(tmp_path)
    loaded = PCompanion.load(tmp_path)
    assert loaded.type_names == fitted.type_names
    before, after = fitted.slate(SOURCES, 3, 4), loaded.slate(SOURCES, 3, 4)
    assert_same_slates(after, before, fitted, SOURCES)
    assert_same_scores(loaded.score_new(shop[0]), fitted.score_new(shop[0]))
