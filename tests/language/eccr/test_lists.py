from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from goeswith.core.arrays import Rows
from goeswith.data.catalog import Catalog
from goeswith.language.eccr.candidate_lists import make_candidate_lists
from goeswith.language.eccr.slate_examples import make_slate_examples
from goeswith.relations.graph import RelationGraph


@given(st.integers(8, 60), st.integers(1, 6), st.integers(0, 99))
def test_a_list_holds_its_complement_once_and_no_other_complement(
    n: int, negatives: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    sources, targets = np.array([0, 0], dtype=np.int32), np.array([1, 2], dtype=np.int32)
    pools = [rng.permutation(n)[:3].astype(np.int32) for _ in range(n)]
    never = [targets if row == 0 else np.zeros(0, dtype=np.int32) for row in range(n)]
    lists = make_candidate_lists(
        sources,
        targets,
        excluded=never,
        incoherent=pools,
        substitutes=pools,
        alike=pools,
        popularity=rng.random(n).astype(np.float32),
        negatives=min(negatives, n - 4),
        seed=seed,
    )
    assert lists.candidates[:, 0].tolist() == [1, 2]
    for row in lists.candidates:
        assert len(set(row.tolist())) == len(row)
        assert 0 not in row
        assert not set(row[1:].tolist()) & {1, 2}


def test_a_shop_without_anything_else_still_gets_lists() -> None:
    none = [np.zeros(0, dtype=np.int32)] * 4
    lists = make_candidate_lists(
        np.array([0], dtype=np.int32),
        np.array([1], dtype=np.int32),
        excluded=[np.array([1, 2, 3], dtype=np.int32), *none[1:]],
        incoherent=none,
        substitutes=none,
        alike=none,
        popularity=np.ones(4, dtype=np.float32),
        negatives=2,
        seed=0,
    )
    assert sorted(lists.candidates[0].tolist()) == [1, 2, 3]


def test_examples_hold_every_kind_of_negative(shop: tuple[Catalog, RelationGraph]) -> None:
    catalog, graph = shop
    examples = make_slate_examples(catalog, graph, negatives=12, seed=0)
    assert examples is not None
    kinds = set(examples.lists.kinds[:, 1:].ravel().tolist())
    assert {1, 2} <= kinds
    first = examples.lists.candidates[:, 0]
    assert examples.rules.coherent(examples.lists.sources, first).all()
    assert set(examples.yes_no) == {"complement", "substitute"}
    for _, _, yes in examples.yes_no.values():
        assert 0.3 < yes.mean() < 0.7


def test_pairs_of_validation_are_in_no_task(shop: tuple[Catalog, RelationGraph]) -> None:
    catalog, graph = shop
    examples = make_slate_examples(catalog, graph, negatives=8, seed=0, validation=0.3)
    assert examples is not None
    assert examples.validation is not None

    def pairs(sources: Rows, targets: Rows) -> set[tuple[int, int]]:
        return {(min(p), max(p)) for p in zip(sources.tolist(), targets.tolist(), strict=True)}

    held = pairs(examples.validation.sources, examples.validation.candidates[:, 0])
    learned = pairs(examples.lists.sources, examples.lists.candidates[:, 0])
    learned |= pairs(*examples.generation)
    sources, targets, yes = examples.yes_no["complement"]
    learned |= pairs(sources[yes], targets[yes])
    assert held
    assert not held & learned
    assert not held & pairs(examples.graph.complements.sources, examples.graph.complements.targets)
    rest = make_slate_examples(catalog, graph, negatives=8, seed=0)
    assert rest is not None
    assert rest.validation is None
