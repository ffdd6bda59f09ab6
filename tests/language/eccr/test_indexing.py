from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goeswith.features.semantic_codes import collision_rate, residual_codes, spread_last
from goeswith.language.eccr.item_tokens import (
    CodeSettings,
    Indexing,
    ItemVectors,
    Quantiser,
    code_report,
    index_codes,
    token_name,
)

WAYS: tuple[Indexing, ...] = ("sequential", "collaborative", "semantic", "hybrid")


def known(n: int, seed: int = 0) -> ItemVectors:
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(5, 6))
    near = centres[rng.integers(5, size=n)] + 0.01 * rng.normal(size=(n, 6))
    order = rng.permutation(n).astype(np.int32)
    return ItemVectors(near.astype(np.float32), rng.normal(size=(n, 4)).astype(np.float32), order)


@pytest.mark.parametrize("how", WAYS)
@pytest.mark.parametrize("quantiser", ["residual", "rq_vae"])
def test_every_way_gives_every_product_a_code_of_its_own(
    how: Indexing, quantiser: Quantiser
) -> None:
    if quantiser == "rq_vae":
        pytest.importorskip("torch")
    codes = index_codes(how, known(90), CodeSettings(quantiser, levels=2, size=16))
    assert collision_rate(codes) == 0
    assert codes.min() >= 0
    assert (codes == index_codes(how, known(90), CodeSettings(quantiser, levels=2, size=16))).all()


def test_sequential_codes_share_digits_with_what_was_bought_beside() -> None:
    facts = known(40)
    codes = index_codes("sequential", facts, CodeSettings(levels=2, size=8))
    in_order = codes[facts.order]
    assert (np.diff(in_order[:, 0]) >= 0).all()
    assert codes.max() < 8


@given(st.integers(1, 30), st.integers(0, 50))
@settings(deadline=None)
def test_spread_codes_keep_all_but_the_last_number(n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    codes = rng.integers(2, size=(n, 3))
    spread = spread_last(codes, rng.random((n, 4)), 32)
    assert (spread[:, :2] == codes[:, :2]).all()
    assert collision_rate(spread) == 0


def test_vectors_that_hardly_differ_collide_without_spreading() -> None:
    vectors = known(200).behaviour
    plain = residual_codes(vectors, 1, 8, 0)
    assert collision_rate(plain) > 0.9
    assert collision_rate(residual_codes(vectors, 1, 256, 0, spread=True)) == 0


def test_how_codebooks_are_used_is_told() -> None:
    report = code_report(np.array([[0, 0], [1, 0], [0, 1], [1, 1]]))
    assert report["collisions"] == 0
    assert report["levels"] == [{"used": 2, "perplexity": 2.0}] * 2
    assert token_name(1, 17) == "<b_17>"
