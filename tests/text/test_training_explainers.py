"""Fine-tuning on what people wrote: tiny models, made here."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from goeswith.core.errors import ConfigError
from goeswith.text.explain_pairs import explain_pairs
from goeswith.text.explainer_training import ExplainerEpoch, ExplainerTraining, train_explainer
from goeswith.text.explanation import ProductPair
from goeswith.text.local_explainer import LocalExplainer
from goeswith.text.training_examples import (
    ExplanationExample,
    bundle_examples,
    intention_examples,
    keep_supported,
    split_by_product,
    without_products,
)

# imported by the tests alone: every worker collects this file, and one of them runs it
pytestmark = pytest.mark.skipif(
    find_spec("transformers") is None or find_spec("peft") is None,
    reason="training needs transformers and peft (goeswith[language])",
)

WORDS = "they both are related to red blue mug cup tea say in one first second title reason why"


def example(
    one: int, other: int, text: str = "They both are related to mug."
) -> ExplanationExample:
    pair = ProductPair({"title": f"red {one} mug"}, {"title": f"blue {other} mug"})
    return ExplanationExample((str(one), str(other)), pair, (text,))


@pytest.fixture(scope="module")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A T5 of a few thousand weights, with a tokenizer of words."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast, T5Config, T5ForConditionalGeneration

    names = ["<pad>", "</s>", "<unk>", *dict.fromkeys([*WORDS.split(), *"0123456789.:"])]
    raw = Tokenizer(models.WordLevel({name: i for i, name in enumerate(names)}, unk_token="<unk>"))
    raw.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Whitespace(), pre_tokenizers.Punctuation()]
    )
    raw.post_processor = processors.TemplateProcessing("$A </s>", special_tokens=[("</s>", 1)])
    folder = tmp_path_factory.mktemp("models") / "tiny"
    PreTrainedTokenizerFast(
        tokenizer_object=raw, pad_token="<pad>", eos_token="</s>", unk_token="<unk>"
    ).save_pretrained(folder)
    torch.manual_seed(0)
    config = T5Config(
        vocab_size=len(names), d_model=16, d_kv=8, d_ff=32, num_layers=1, num_heads=2,
        decoder_start_token_id=0, pad_token_id=0, eos_token_id=1, dropout_rate=0.0,
    )  # fmt: skip
    T5ForConditionalGeneration(config).save_pretrained(folder)
    return folder


LEARNED = [example(i, i + 1) for i in range(12)]


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")  # of peft
@pytest.mark.parametrize("rank", [0, 2])
def test_training_lowers_the_loss_and_leaves_a_model_that_writes(
    backbone: Path, tmp_path: Path, rank: int
) -> None:
    training = ExplainerTraining(
        str(backbone), rank, epochs=3, patience=3, batch=4, learning_rate=0.02
    )
    history = train_explainer(training, LEARNED, [example(20, 21)], tmp_path / "out")
    assert history[-1]["loss"] < history[0]["loss"]
    assert not (tmp_path / "out.training").exists()
    assert json.loads((tmp_path / "out/training.json").read_text())["history"] == history
    explainer = LocalExplainer(tmp_path / "out")
    pairs = [one.pair for one in LEARNED]
    assert explainer.write(pairs, 0) == explainer.write(pairs, 0)
    assert explainer.write(pairs, 1) == explainer.write(pairs, 1)
    assert all(found.text for found in explain_pairs(pairs, explainer))


@pytest.mark.one_processor
def test_a_killed_run_ends_as_one_that_was_not(backbone: Path, tmp_path: Path) -> None:
    training = ExplainerTraining(str(backbone), epochs=3, patience=3, batch=4, learning_rate=0.01)

    def killed(epoch: ExplainerEpoch) -> None:
        if epoch["epoch"] == 2:
            raise KeyboardInterrupt

    whole = train_explainer(training, LEARNED, [example(20, 21)], tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        train_explainer(training, LEARNED, [example(20, 21)], tmp_path / "cut", killed)
    reported: list[int] = []
    resumed = train_explainer(
        training,
        LEARNED,
        [example(20, 21)],
        tmp_path / "cut",
        lambda e: reported.append(e["epoch"]),
    )
    assert reported == [3]
    assert [(e["loss"], e["validation"]) for e in resumed] == [
        (e["loss"], e["validation"]) for e in whole
    ]
    weights = [tmp_path / name / "model.safetensors" for name in ("whole", "cut")]
    assert weights[0].read_bytes() == weights[1].read_bytes()


def test_training_stops_when_validation_gets_no_better(backbone: Path, tmp_path: Path) -> None:
    training = ExplainerTraining(str(backbone), epochs=50, batch=4, learning_rate=0.05)
    other = [example(20, 21, "Red tea say why.")]
    history = train_explainer(training, LEARNED, other, tmp_path / "out")
    assert len(history) < 50
    assert min(history, key=lambda e: e["validation"])["epoch"] == len(history) - 1


def test_a_model_that_only_goes_on_is_not_trained(tmp_path: Path, backbone: Path) -> None:
    from transformers import AutoTokenizer, GPT2Config, GPT2LMHeadModel

    tokenizer = AutoTokenizer.from_pretrained(backbone)
    config = GPT2Config(
        vocab_size=len(tokenizer), n_embd=8, n_layer=1, n_head=1, bos_token_id=1, eos_token_id=1
    )
    GPT2LMHeadModel(config).save_pretrained(tmp_path / "causal")
    tokenizer.save_pretrained(tmp_path / "causal")
    training = ExplainerTraining(str(tmp_path / "causal"))
    with pytest.raises(ConfigError, match="is a causal model"):
        train_explainer(training, LEARNED, [], tmp_path / "out")
    written = LocalExplainer(tmp_path / "causal").write([one.pair for one in LEARNED], 0)
    assert len(written) == len(LEARNED)


def test_what_is_said_of_one_pair_is_one_example() -> None:
    table = pl.DataFrame(
        {
            "source": ["a", "a", "b"],
            "source_title": ["Mug", "Mug", "Cup"],
            "target": ["b", "b", "c"],
            "target_title": ["Cup", "Cup", "Tea"],
            "explanation": ["because they both hold tea", "because they fit", "as a gift"],
        }
    )
    one, other = intention_examples(table)
    assert one.texts == ("They both hold tea.", "They fit.")
    assert other.keys == ("b", "c")


def test_intents_of_bundles_are_sentences_and_those_that_count_are_left_out() -> None:
    products = pl.DataFrame(
        {"product_id": ["1", "2", "3"], "title": ["Mug", "Cup", "Pot"], "asin": ["A", "B", None]}
    )
    bundles = pl.DataFrame(
        {
            "bundle_id": ["x", "x", "y", "y", "z"],
            "product_id": ["1", "2", "2", "3", "3"],
            "intent": ["tea set", "tea set", "1,3 complementary", "1,3 complementary", "pots"],
        }
    )
    (found,) = bundle_examples(products, bundles)
    assert found.keys == ("A", "B")
    assert found.texts == ("They both are related to tea set.",)


def test_only_sentences_that_the_texts_hold_are_learned_as_held() -> None:
    both = ExplanationExample(
        ("1", "2"), example(1, 2).pair, ("They both are mugs.", "They are best.")
    )
    kept = keep_supported(both)
    assert kept is not None
    assert kept.texts == ("They both are mugs.",)
    assert keep_supported(example(1, 2, "They are for hiking.")) is None


PAIRS = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), min_size=1, max_size=40)


@pytest.mark.one_processor
@given(PAIRS, st.integers(0, 5))
def test_no_product_is_in_two_parts(pairs: list[tuple[int, int]], seed: int) -> None:
    examples = [example(one, other) for one, other in pairs]
    parts = split_by_product(examples, [0.6, 0.2], seed)
    keys = [{key for one in part for key in one.keys} for part in parts]
    assert sum(map(len, parts)) == len(examples)
    assert not (keys[0] & keys[1] or keys[0] & keys[2] or keys[1] & keys[2])
    rest = without_products(parts[0], parts[2])
    assert rest == parts[0]
    assert not without_products(parts[2], parts[2])
