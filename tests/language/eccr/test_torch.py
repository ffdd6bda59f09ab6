from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from goeswith.core.errors import ConfigError
from goeswith.data.catalog import Catalog
from goeswith.features.semantic_codes import Trie
from goeswith.language.eccr.prompts import code_ids, make_prompts, prompt_texts
from goeswith.language.eccr.slate_examples import make_slate_examples
from goeswith.relations.graph import RelationGraph

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from goeswith.language.eccr.torch_backbone import load_backbone, with_adapters  # noqa: E402
from goeswith.language.eccr.torch_eccr_training import (  # noqa: E402
    EccrTasks,
    EccrTraining,
    TextTargets,
    YesNoPairs,
    train,
)
from goeswith.language.eccr.torch_generate import generate  # noqa: E402

PLAN = EccrTraining(steps=4, lists=4, negatives=4, batch=4, learning_rate=0.01, checks=2)


def ready(folder: Path, shop: tuple[Catalog, RelationGraph]) -> tuple[Any, Any, Any, Any]:
    """Backbone with codes, prompts, tasks and codes of the shop."""
    catalog, graph = shop
    backbone, tokenizer = load_backbone(str(folder))
    backbone.bf16 = False  # equal sums on every machine
    codes = np.stack([np.arange(len(catalog)) // 5, np.arange(len(catalog)) % 5], axis=1)

    def tokenise(text: str) -> list[int]:
        ids: list[int] = tokenizer(text.lower(), add_special_tokens=False)["input_ids"]
        return ids

    end = None if backbone.causal else backbone.end
    prompts = make_prompts(tokenise, prompt_texts(catalog), codes, backbone.words, end)
    titles = [prompts.titles[row] for row in range(len(catalog))]
    backbone.add_codes(code_ids(codes, backbone.words), titles)
    examples = make_slate_examples(catalog, graph, negatives=8, seed=0)
    assert examples is not None
    assert prompts.codes is not None
    sources, targets = examples.generation
    single_prompts = [prompts.single("generation", int(source)) for source in sources]
    judged = {task: YesNoPairs(*found) for task, found in examples.yes_no.items()}
    texts = {"generation": TextTargets(single_prompts, list(prompts.codes[targets]))}
    tails = [np.array(tokenise("yes yes match"), dtype=np.int32)]
    return backbone, prompts, EccrTasks(examples.lists, judged, texts, tails), codes


@pytest.fixture(params=["tiny_t5", "tiny_causal"])
def folder(request: pytest.FixtureRequest) -> Path:
    found: Path = request.getfixturevalue(request.param)
    return found


def test_all_tasks_are_learned_by_one_model(
    folder: Path, shop: tuple[Catalog, RelationGraph]
) -> None:
    backbone, prompts, tasks, _ = ready(folder, shop)
    plan = replace(PLAN, steps=30, lists=8, checks=3, tails=0.2)
    history = train(backbone, prompts, tasks, plan, check=lambda: 0.0)
    assert history[-1]["loss"] < history[0]["loss"]


def test_the_weights_of_the_best_check_are_used(
    tiny_t5: Path, shop: tuple[Catalog, RelationGraph]
) -> None:
    backbone, prompts, tasks, _ = ready(tiny_t5, shop)
    weights = []

    def check() -> float:
        weights.append(backbone.embedding.weight.detach().clone())
        return 1.0 / len(weights)

    lines: list[str] = []
    history = train(backbone, prompts, tasks, PLAN, check=check, on_progress=lines.append)
    assert [epoch["epoch"] for epoch in history] == [1, 2]
    assert [epoch["validation"] for epoch in history] == [1.0, 0.5]
    assert all(epoch["seconds"] > 0 for epoch in history)
    assert torch.equal(backbone.embedding.weight, weights[0])
    assert not torch.equal(weights[0], weights[1])
    assert [line.partition(":")[0] for line in lines] == [f"step {n} of 4" for n in (1, 2, 3, 4)]


def test_a_new_token_begins_as_the_words_of_its_products_mean(
    folder: Path, shop: tuple[Catalog, RelationGraph]
) -> None:
    backbone, prompts, _, _ = ready(folder, shop)
    table = backbone.embedding.weight.detach().cpu()
    carriers = np.flatnonzero((prompts.codes == backbone.words).any(axis=1))
    words = np.concatenate([prompts.titles[row] for row in carriers]).astype(np.int64)
    mean = table[torch.from_numpy(words)].mean(dim=0)
    cosine = torch.nn.functional.cosine_similarity(table[backbone.words], mean, dim=0)
    assert cosine > 0.999
    assert len(backbone.model.get_output_embeddings().weight) == len(table)


def test_words_keep_their_vectors_and_tokens_of_behaviour_learn_theirs(
    folder: Path, shop: tuple[Catalog, RelationGraph]
) -> None:
    backbone, prompts, tasks, _ = ready(folder, shop)
    before = backbone.embedding.weight.detach().clone()
    train(backbone, prompts, tasks, PLAN)
    changed = (backbone.embedding.weight.detach() != before).any(dim=1)
    assert not changed[: backbone.words].any() or folder.name.startswith("llama")
    assert changed[backbone.words :].any()


def test_generation_names_products_of_the_catalogue_alone(
    folder: Path, shop: tuple[Catalog, RelationGraph]
) -> None:
    backbone, prompts, _, codes = ready(folder, shop)
    for seed in range(5):  # whatever the weights
        torch.manual_seed(seed)
        with torch.no_grad():
            for p in backbone.model.parameters():
                p.add_(torch.randn_like(p) * p.std())
        single_prompts = [prompts.single("generation", row) for row in range(len(codes))]
        products, log_p = generate(backbone, single_prompts, Trie(codes), 30, backbone.words)
        for row, scores in zip(products, log_p, strict=True):
            there = row[row >= 0]
            assert set(there.tolist()) <= set(range(len(codes)))
            assert len(set(there.tolist())) == len(there)
            assert (np.diff(scores[row >= 0]) <= 0).all()
        assert (products >= 0).any()


@pytest.mark.one_processor
def test_a_killed_run_ends_as_one_that_was_not(
    tiny_t5: Path, shop: tuple[Catalog, RelationGraph], tmp_path: Path
) -> None:
    whole, prompts, tasks, _ = ready(tiny_t5, shop)
    train(whole, prompts, tasks, PLAN, check=lambda: 0.0)

    class KilledError(Exception):
        pass

    killed, prompts, tasks, _ = ready(tiny_t5, shop)
    calls = []

    def check() -> float:
        calls.append(1)
        if len(calls) == 2:
            raise KilledError
        return 0.0

    file = tmp_path / "eccr.checkpoint"
    with pytest.raises(KilledError):
        train(killed, prompts, tasks, PLAN, check=check, checkpoint=file, every=3)
    assert file.exists()
    again, prompts, tasks, _ = ready(tiny_t5, shop)
    train(again, prompts, tasks, PLAN, check=lambda: 0.0, checkpoint=file, every=3)
    assert not file.exists()
    pairs = prompts.pairs("listwise", np.zeros(6, dtype=np.int32), np.arange(6, dtype=np.int32))
    np.testing.assert_allclose(again.score_all(pairs), whole.score_all(pairs), rtol=1e-4, atol=1e-5)


def test_a_checkpoint_of_other_settings_is_not_resumed(
    tiny_t5: Path, shop: tuple[Catalog, RelationGraph], tmp_path: Path
) -> None:
    file = tmp_path / "eccr.checkpoint"
    file.write_bytes(b"not a checkpoint")
    backbone, prompts, tasks, _ = ready(tiny_t5, shop)
    assert len(train(backbone, prompts, tasks, PLAN, check=lambda: 0.0, checkpoint=file)) == 2


def test_adapters_train_few_weights(folder: Path, shop: tuple[Catalog, RelationGraph]) -> None:
    pytest.importorskip("peft")
    backbone, prompts, tasks, _ = ready(folder, shop)
    with_adapters(backbone, 2, seed=0)
    frozen = [p for name, p in backbone.model.named_parameters() if "lora" not in name]
    train(backbone, prompts, tasks, PLAN)
    trained = [p for p in backbone.model.parameters() if p.requires_grad]
    assert sum(p.numel() for p in trained) < sum(p.numel() for p in frozen)


def test_scores_do_not_depend_on_what_is_scored_beside(
    folder: Path, shop: tuple[Catalog, RelationGraph]
) -> None:
    backbone, prompts, _, _ = ready(folder, shop)
    pairs = prompts.pairs("listwise", np.zeros(9, dtype=np.int32), np.arange(9, dtype=np.int32))
    pairs[3] = np.concatenate([pairs[3], pairs[3]])  # longer than the others
    together = backbone.score_all(pairs)
    alone = np.concatenate([backbone.score_all([pair]) for pair in pairs])
    np.testing.assert_allclose(together, alone, rtol=1e-3, atol=1e-4)


def test_the_loss_of_a_text_is_that_of_its_own_tokens(
    folder: Path, shop: tuple[Catalog, RelationGraph]
) -> None:
    backbone, prompts, _, _ = ready(folder, shop)
    single_prompts = [prompts.single("generation", 0)] * 2
    short, long = np.array([5], dtype=np.int32), np.array([5, 6, 7, 8], dtype=np.int32)
    with torch.no_grad():
        backbone.model.eval()
        both = backbone.text_loss(single_prompts, [short, long])
        one = backbone.text_loss(single_prompts[:1], [short])
    assert float(both[0]) == pytest.approx(float(one[0]), rel=1e-3)


def test_what_is_said_ends_and_is_the_likeliest(
    folder: Path, shop: tuple[Catalog, RelationGraph]
) -> None:
    backbone, prompts, _, _ = ready(folder, shop)
    single_prompts = [prompts.single("generation", row) for row in range(3)]
    said = backbone.generate_text(single_prompts, max_tokens=4)
    assert all(len(text) <= 4 for text in said)
    with torch.no_grad():
        first = backbone.logits(single_prompts)[:, -1].argmax(dim=1).tolist()
    for text, token in zip(said, first, strict=True):
        assert (text[:1] or [backbone.end])[0] in (token, backbone.end, backbone.pad)


def test_a_folder_without_a_model_is_described_by_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="neither a folder nor a hub id"):
        load_backbone(str(tmp_path / "nothing"))
