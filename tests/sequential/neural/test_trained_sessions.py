"""Trained models of the next product see what came before, and nothing else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from tests.same import assert_same_scores

from goeswith.core.arrays import Floats
from goeswith.core.errors import ConfigError
from goeswith.data.catalog import Catalog
from goeswith.models.neural.training import EpochRecord
from goeswith.sequential import SESSION_MODELS
from goeswith.sequential.mixture import Mixture
from goeswith.sequential.neural.bert4rec import Bert4Rec
from goeswith.sequential.neural.hstu import time_buckets
from goeswith.sequential.neural.layers import NumpyOps, softmax_layers
from goeswith.sequential.neural.sequence_batch import (
    SequenceBatch,
    SequenceValidation,
    shuffled_batches,
)
from goeswith.sequential.neural.torch_sequence_layers import (
    DrawnProducts,
    TorchOps,
    next_product_loss,
)
from goeswith.sequential.neural.trained_sequence_model import TrainedSequenceModel
from goeswith.sequential.sequences import Sequences

CAUSAL = ("sasrec", "hstu")
TRAINED = (*CAUSAL, "bert4rec")
N = 10


def make(name: str, folder: Path | None = None, **settings: object) -> TrainedSequenceModel:
    given = {
        "dimension": 16,
        "max_epochs": 2,
        "max_length": 6,
        "dropout": 0.1,
        "learning_rate": 0.01,
        **settings,
    }
    model = SESSION_MODELS.make(name, {name: given})
    assert isinstance(model, TrainedSequenceModel)
    model.checkpoints = folder
    return model


def shop(n: int = N) -> Catalog:
    return Catalog(pl.DataFrame({"product_id": [f"p{i}" for i in range(n)]}))


def walks(count: int = 40, seed: int = 0, *, timed: bool = False) -> Sequences:
    """Runs around a circle: after product i comes i + 1."""
    rng = np.random.default_rng(seed)
    runs = [
        [(start + i) % N for i in range(length)]
        for start, length in zip(rng.integers(0, N, count), rng.integers(2, 7, count), strict=True)
    ]
    made = Sequences.from_rows(runs)
    seconds = np.cumsum(rng.integers(1, 10_000, len(made.products)))
    return Sequences(made.products, made.starts, seconds) if timed else made


@pytest.fixture(scope="module", params=TRAINED)
def fitted(request: pytest.FixtureRequest) -> TrainedSequenceModel:
    return make(request.param).fit(shop(), walks(timed=True))


def states(model: TrainedSequenceModel, batch: SequenceBatch) -> Floats:
    """What the model knows at every place."""
    x = model.vectors[batch.products] * np.float32(model.config.dimension**0.5)
    found: Floats = model.states(NumpyOps(), model.weights, x, batch)
    return found


def test_numpy_answers_what_torch_would(fitted: TrainedSequenceModel) -> None:
    batch, _ = fitted.prepare_prefixes(walks(9, seed=1, timed=True))
    weights = {name: torch.from_numpy(value) for name, value in fitted.weights.items()}
    x = torch.from_numpy(fitted.vectors)[batch.products] * fitted.config.dimension**0.5
    by_torch = fitted.states(TorchOps(torch.device("cpu")), weights, x, batch).numpy()
    by_numpy = states(fitted, batch)
    assert by_numpy.dtype == np.float32
    seen = batch.filled
    np.testing.assert_allclose(by_numpy[seen], by_torch[seen], atol=1e-4)


@pytest.mark.parametrize("name", CAUSAL)
def test_what_comes_later_changes_nothing_before_it(name: str) -> None:
    model = make(name).fit(shop(), walks(timed=True))
    sessions = Sequences(
        np.array([1, 2, 3, 4, 5], dtype=np.int32), np.array([0, 5]), np.array([0, 9, 80, 99, 7000])
    )
    for place in range(1, 5):
        changed = Sequences(sessions.products.copy(), sessions.starts, sessions.seconds.copy())  # type: ignore[union-attr]
        changed.products[place] = 9
        changed.seconds[place:] += 5  # type: ignore[index]
        before, after = (
            states(model, SequenceBatch.from_sequences(sessions)),
            states(model, SequenceBatch.from_sequences(changed)),
        )
        np.testing.assert_allclose(before[:, :place], after[:, :place], rtol=1e-5, atol=1e-6)
        assert not np.allclose(before[:, place], after[:, place])


def test_a_layer_that_looks_ahead_would_be_caught() -> None:
    """The leak that the test above looks for, planted."""
    model = make("sasrec").fit(shop(), walks())
    before, after = (
        softmax_layers(NumpyOps(), model.weights, model.vectors[[row]], np.ones((3, 3), bool), 2)
        for row in ([1, 2, 3], [1, 2, 9])
    )
    assert not np.allclose(before[:, :2], after[:, :2])


@pytest.mark.parametrize("name", CAUSAL)
def test_a_place_predicts_the_product_behind_it(name: str) -> None:
    batch, places, targets = make(name).examples(walks(), np.random.default_rng(0))
    np.testing.assert_array_equal((batch.products[places] + 1) % N, targets)
    assert len(targets) == len(walks().products) - len(walks())


def test_a_masked_product_does_not_reach_its_own_prediction() -> None:
    model = make("bert4rec").fit(shop(), walks())
    rng = np.random.default_rng(0)
    batch, masked, targets = model.examples(walks(), rng)
    assert masked.any(axis=1).all()
    assert len(targets) == masked.sum()
    whole, known = SequenceBatch.from_sequences(walks()).products, model.vectors
    before = states(model, batch)
    for row in range(4):
        hidden = np.setdiff1d(whole[row][masked[row]], batch.products[row][batch.filled[row]])
        model.vectors = known.copy()
        model.vectors[hidden] *= -1
        assert len(hidden)
        np.testing.assert_allclose(before[row], states(model, batch)[row], rtol=1e-5, atol=1e-6)


def test_a_mask_sees_both_sides() -> None:
    model = make("bert4rec").fit(shop(), walks())
    gap = np.array([[False, True, False]])
    one = SequenceBatch.from_sequences(Sequences.from_rows([[1, 2, 3]])).mask_places(gap)
    for other in ([[4, 2, 3]], [[1, 2, 4]]):
        changed = SequenceBatch.from_sequences(Sequences.from_rows(other)).mask_places(gap)
        assert not np.allclose(states(model, one)[0, 1], states(model, changed)[0, 1])


def test_the_order_of_a_prefix_counts(fitted: TrainedSequenceModel) -> None:
    scores = fitted.score(Sequences.from_rows([[1, 2, 3, 4], [4, 3, 2, 1]]))
    assert not np.allclose(scores[0], scores[1], atol=1e-4)


def test_what_stands_beside_a_prefix_in_a_batch_does_not_change_its_scores(
    fitted: TrainedSequenceModel,
) -> None:
    alone = fitted.score(Sequences.from_rows([[1, 2]]))
    beside = fitted.score(Sequences.from_rows([[1, 2], [5, 6, 7, 8, 9]]))
    np.testing.assert_allclose(alone[0], beside[0], atol=1e-5)


def test_only_the_last_products_are_read(fitted: TrainedSequenceModel) -> None:
    short = fitted.score(Sequences.from_rows([[3, 4, 5, 6, 7, 8]]))
    long = fitted.score(Sequences.from_rows([[9, 9, 3, 4, 5, 6, 7, 8]]))
    np.testing.assert_allclose(short, long, atol=1e-5)


def test_an_empty_prefix_is_left_to_a_fallback(fitted: TrainedSequenceModel) -> None:
    scores = fitted.score(Sequences.from_rows([[], [1]]))
    assert np.isneginf(scores[0]).all()
    assert np.isfinite(scores[1]).any()
    assert np.isneginf(fitted.score(Sequences.from_rows([[]]))).all()


@pytest.mark.parametrize("name", TRAINED)
def test_a_planted_circle_is_learned(name: str) -> None:
    model = make(name, max_epochs=12, patience=12, dropout=0.0).fit(shop(), walks(120))
    sessions = [[0, 1, 2], [7, 8, 9], [5]]
    found, _ = model.recommend(Sequences.from_rows(sessions), 1)
    assert found[:, 0].tolist() == [3, 0, 6]


def test_time_intervals_are_encoded_by_their_order_of_magnitude() -> None:
    apart = time_buckets(np.array([[0, 1, 3, 1_000_000]]))
    assert apart[0].tolist() == [[0, 0, 0, 0], [1, 0, 0, 0], [2, 1, 0, 0], [19, 19, 19, 0]]


def test_hstu_answers_by_time_where_it_is_known() -> None:
    model = make("hstu", max_epochs=10).fit(shop(), walks(timed=True))
    rows, starts = np.array([1, 5], dtype=np.int32), np.array([0, 2])
    soon = model.score(Sequences(rows, starts, np.array([0, 1])))
    late = model.score(Sequences(rows, starts, np.array([0, 9_000])))
    assert not np.allclose(soon, late)
    assert np.isfinite(model.score(Sequences(rows, starts))).any()


def test_the_same_seed_gives_the_same_vectors(fitted: TrainedSequenceModel) -> None:
    name = fitted.name
    again = make(name).fit(shop(), walks(timed=True))
    np.testing.assert_array_equal(fitted.vectors, again.vectors)
    other = make(name, seed=1).fit(shop(), walks(timed=True))
    assert not np.array_equal(fitted.vectors, other.vectors)


def test_a_saved_model_gives_the_same_scores(fitted: TrainedSequenceModel, tmp_path: Path) -> None:
    fitted.save(tmp_path)
    loaded = type(fitted).load(tmp_path)
    sessions = walks(5, seed=2, timed=True)
    assert_same_scores(loaded.score(sessions), fitted.score(sessions))
    assert list(loaded.history) == list(fitted.history)


@pytest.mark.one_processor
def test_a_loaded_model_answers_without_torch(tmp_path: Path) -> None:
    make("sasrec").fit(shop(), walks()).save(tmp_path)
    ask = (
        "import sys; from pathlib import Path\n"
        "from goeswith.sequential import SESSION_MODELS\n"
        "from goeswith.sequential.sequences import Sequences\n"
        "model = SESSION_MODELS.find('sasrec').load(Path(sys.argv[1]))\n"
        "assert model.score(Sequences.from_rows([[1, 2]])).shape == (1, 10)\n"
        "assert 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", ask, str(tmp_path)], check=True)


def test_products_that_nobody_looked_at_are_not_proposed_by_ids() -> None:
    model = make("sasrec").fit(shop(N + 2), walks())
    assert np.isneginf(model.score(Sequences.from_rows([[1, 2]]))[0, N:]).all()


def test_training_never_sees_a_last_product_that_is_held_back() -> None:
    sequences = walks(100, timed=True)
    held = SequenceValidation(sequences, 0.2, seed=0)
    before, last = sequences.split_last()
    whole, kept, prefixes = list(sequences), list(held.train), [p.tolist() for p in held.prefixes]
    shortened = [i for i in range(100) if len(kept[i]) < len(whole[i])]
    shortened.sort(key=lambda i: len(kept[i]))  # blocks of similar length
    assert len(shortened) == len(held.targets) == 20 * sum(len(w) > 2 for w in whole) // 100
    assert [kept[i].tolist() for i in shortened] == prefixes
    assert held.targets.tolist() == last[shortened].tolist()
    assert all(kept[i].tolist() == list(before)[i].tolist() for i in shortened)
    assert held.train.seconds is not None
    assert len(held.train.seconds) == len(held.train.products)


def test_at_most_two_thousand_are_held_back() -> None:
    sequences = Sequences.from_rows([[0, 1, 2]] * 5000)
    assert len(SequenceValidation(sequences, 0.49, seed=0).targets) == 2000


def test_an_epoch_meets_every_sequence_once() -> None:
    lengths = np.random.default_rng(0).integers(2, 50, 100)
    steps = list(shuffled_batches(lengths, 8, np.random.default_rng(0)))
    assert sorted(np.concatenate(steps).tolist()) == list(range(100))
    assert max(np.ptp(lengths[step]) for step in steps) < 12


def test_the_softmax_over_all_products_and_its_gradient_are_those_of_torch() -> None:
    torch.manual_seed(0)
    given = [torch.randn(6, 4, dtype=torch.float64), torch.randn(9, 4, dtype=torch.float64)]
    given = [tensor.requires_grad_() for tensor in given]
    targets = torch.randint(0, 9, (6,))
    ours = next_product_loss(*given, targets, None)
    theirs = torch.nn.functional.cross_entropy(given[0] @ given[1].T, targets, reduction="sum")
    torch.testing.assert_close(ours, theirs)
    for one, other in zip(
        torch.autograd.grad(ours, given), torch.autograd.grad(theirs, given), strict=True
    ):
        torch.testing.assert_close(one, other)


def test_drawn_competitors_stand_for_all_products_in_the_mean() -> None:
    torch.manual_seed(0)
    states, vectors, targets = torch.randn(1, 8), torch.randn(400, 8) * 0.3, torch.tensor([7])
    rng, shares = np.random.default_rng(0), np.arange(1, 401) / np.arange(1, 401).sum()
    whole = next_product_loss(states, vectors, targets, None).exp().item()
    drawn = [DrawnProducts.draw(shares, 100, rng) for _ in range(1000)]
    means = [next_product_loss(states, vectors, targets, some).exp().item() for some in drawn]
    assert np.mean(means) == pytest.approx(whole, rel=0.03)


def described(n: int, prefix: str) -> Catalog:
    """Products with a word of their own and, for every other product, another language of ids."""
    return Catalog(
        pl.DataFrame(
            {
                "product_id": [f"{prefix}{i}" for i in range(n)],
                "title": [f"word{i % N}" for i in range(n)],
            }
        )
    )


@pytest.mark.parametrize("name", TRAINED)
def test_a_model_of_texts_serves_a_catalogue_that_it_was_not_trained_on(
    name: str, tmp_path: Path
) -> None:
    settings = {"items": "text", "content_dimension": N, "max_epochs": 12, "patience": 12}
    model = make(name, dropout=0.0, **settings).fit(described(N, "a"), walks(120))
    model.save(tmp_path)
    other = type(model).load(tmp_path).for_catalog(described(2 * N, "b"))
    assert other.n == 2 * N
    found, _ = other.recommend(Sequences.from_rows([[10, 11, 12], [7, 8, 9], [15]]), 2)
    assert [sorted(row) for row in found.tolist()] == [[3, 13], [0, 10], [6, 16]]


def test_both_ids_and_texts_answer_for_products_without_events() -> None:
    model = make("sasrec", items="both", content_dimension=4).fit(described(N + 2, "a"), walks())
    assert np.isfinite(model.score(Sequences.from_rows([[1, 2]]))).all()


def test_what_cannot_be_served_or_trained_is_said() -> None:
    with pytest.raises(ConfigError, match="items=text"):
        make("sasrec").fit(shop(), walks()).for_catalog(shop())
    with pytest.raises(ConfigError, match="the catalogue has none"):
        make("sasrec", items="text").fit(shop(), walks())
    with pytest.raises(ConfigError, match="heads, now 3"):
        make("sasrec", heads=3).fit(shop(), walks())


@pytest.mark.one_processor
def test_a_killed_run_goes_on_and_ends_with_the_same_figures(tmp_path: Path) -> None:
    """Checkpoints outlive SIGKILL: see tests/models/neural/test_training.py."""

    class KilledError(Exception):
        pass

    def die(_: str, epoch: EpochRecord) -> None:
        if epoch["epoch"] == 2:
            raise KilledError

    name = "bert4rec"  # the one that draws most
    killed = make(name, tmp_path, max_epochs=4)
    killed.on_epoch = die
    with pytest.raises(KilledError):
        killed.fit(shop(), walks())
    whole = make(name, max_epochs=4).fit(shop(), walks())
    resumed = make(name, tmp_path, max_epochs=4)
    seen: list[int] = []
    resumed.on_epoch = lambda _, epoch: seen.append(epoch["epoch"])
    torch.manual_seed(99)  # as in a new process, nothing is left of the former draws
    resumed.fit(shop(), walks())
    assert seen == [3, 4]
    keys = ("epoch", "loss", "validation")
    figures = [[[e[k] for k in keys] for e in made.history] for made in (whole, resumed)]
    assert figures[0] == figures[1]
    np.testing.assert_array_equal(whole.vectors, resumed.vectors)


def test_bert4rec_predicts_at_a_mask_behind_the_prefix() -> None:
    model = make("bert4rec")
    assert isinstance(model, Bert4Rec)
    batch, places = model.prepare_prefixes(Sequences.from_rows([[1, 2, 3], [4], []]))
    assert places.tolist() == [3, 1, 0]
    assert batch.masked.astype(int).tolist() == [[0, 0, 0, 1], [0, 1, 0, 0], [1, 0, 0, 0]]


def test_shares_are_the_softmax_that_training_had() -> None:
    model = make("sasrec", temperature=0.5).fit(shop(), walks())
    prefixes = Sequences.from_rows([[0, 1], []])
    scores = model.score(prefixes)
    shares = model.shares(prefixes)
    ratio = np.log(shares[0, 3] / shares[0, 4])
    assert ratio == pytest.approx((scores[0, 3] - scores[0, 4]) / 0.5, rel=1e-4)
    assert not shares[1].any()


def test_a_mixture_keeps_a_trained_member_as_it_was_trained(tmp_path: Path) -> None:
    members = "successors+sasrec:max_epochs=2;dimension=8"
    model = SESSION_MODELS.make(f"mixture:members={members}").fit(shop(), walks())
    model.save(tmp_path)
    loaded = SESSION_MODELS.find("mixture").load(tmp_path)
    prefixes = Sequences.from_rows([[0, 1], [5]])
    assert_same_scores(loaded.score(prefixes), model.score(prefixes))
    assert sum(model.importances().values()) == pytest.approx(1)


def test_a_mixture_tells_of_its_trained_members_epochs(tmp_path: Path) -> None:
    said: list[str] = []
    model = SESSION_MODELS.make("mixture:members=successors+sasrec:max_epochs=2;dimension=8")
    model.set_checkpoints(tmp_path, said.append)
    model.fit(shop(), walks())
    assert [line for line in said if "fitting sasrec: epoch 2" in line]


def test_a_member_without_weight_is_not_called() -> None:
    model = SESSION_MODELS.make("mixture:members=successors+frequent").fit(shop(), walks())
    assert isinstance(model, Mixture)
    model.weights = np.array([1.0, 0.0])
    expected = model.score(Sequences.from_rows([[1]]))
    del model.members[1].share  # type: ignore[attr-defined]
    assert_same_scores(model.score(Sequences.from_rows([[1]])), expected)
