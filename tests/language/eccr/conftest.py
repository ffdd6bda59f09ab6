from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from goeswith.data.catalog import Catalog
from goeswith.relations.graph import RelationGraph

WORDS = re.findall(
    r"\S+",
    "yes no phone case lens camera battery charger tripod cable bag red blue canon nikon sony for "
    "is it a match product candidate rank what goes with first second answer reason : . ?",
)


def word_tokenizer(end: str) -> Any:
    """A tokenizer of whole words, as transformers has it."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    names = ["<pad>", "</s>", "<unk>", *WORDS]
    words = models.WordLevel({w: i for i, w in enumerate(names)}, unk_token="<unk>")
    tokenizer = Tokenizer(words)
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", eos_token=end, unk_token="<unk>"
    )


@pytest.fixture(scope="session")
def tiny_t5(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A T5 model of random weights, in a folder."""
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    folder: Path = tmp_path_factory.mktemp("t5")
    config = transformers.T5Config(
        vocab_size=len(WORDS) + 3,
        d_model=32,
        d_ff=64,
        d_kv=8,
        num_heads=4,
        num_layers=1,
        num_decoder_layers=1,
        decoder_start_token_id=0,
    )
    transformers.T5ForConditionalGeneration(config).save_pretrained(folder)
    word_tokenizer("</s>").save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def tiny_causal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Llama model of random weights, in a folder."""
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    folder: Path = tmp_path_factory.mktemp("llama")
    config = transformers.LlamaConfig(
        vocab_size=len(WORDS) + 3,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=1,
        num_attention_heads=4,
        num_key_value_heads=2,
        pad_token_id=0,
        eos_token_id=1,
        bos_token_id=1,
        tie_word_embeddings=True,
    )
    transformers.LlamaForCausalLM(config).save_pretrained(folder)
    word_tokenizer("</s>").save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def shop() -> tuple[Catalog, RelationGraph]:
    """Cameras, lenses, batteries and bags of three brands: what is of one brand goes together."""
    brands, kinds = ("canon", "nikon", "sony"), ("camera", "lens", "battery", "bag")
    records = [
        {
            "product_id": f"{brand}-{kind}-{colour}",
            "type": kind,
            "brand": brand,
            "title": f"{brand} {kind} {colour}",
        }
        for brand in brands
        for kind in kinds
        for colour in ("red", "blue")
    ]
    rng = np.random.default_rng(0)
    edges = []
    for u, one in enumerate(records):
        for v, other in enumerate(records):
            if u == v:
                continue
            if one["type"] == other["type"]:
                edges.append((u, v, "co_view"))
            elif one["brand"] == other["brand"] or rng.random() < 0.1:
                edges.append((u, v, "co_purchase"))
    return Catalog.from_records(records), RelationGraph.from_edges(len(records), edges)
