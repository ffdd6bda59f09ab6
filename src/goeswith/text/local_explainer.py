"""Sentences by a language model on this machine: T5 and its like, or a causal model."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from goeswith.core.errors import ConfigError
from goeswith.text.explanation import ProductPair, prompt

MAX_PROMPT_TOKENS: Final = 160
"""Tokens of a prompt."""
MAX_SENTENCE_TOKENS: Final = 40
"""Tokens of a sentence."""
_BATCH: Final = 32


class LocalExplainer:
    """A model from a folder or the hub: greedy at first, then sampled.

    Nothing of a folder is run: weights are safetensors, code that comes with a model is refused.
    """

    def __init__(self, model: str | Path, seed: int = 0, tries: int = 3) -> None:
        """Load a model.

        Args:
            model: folder, or id on the hub.
            seed: of sampled sentences.
            tries: maximum number of sentences per pair.

        Raises:
            ConfigError: the libraries are missing, or the model cannot be loaded.
        """
        self.name = str(model)
        self.max_tries = tries
        self._seed = seed
        self._tokenizer, self.model, self._is_seq2seq = load_language_model(str(model))
        self.model.eval()

    def write(self, pairs: Sequence[ProductPair], attempt: int) -> list[str]:
        """See `Explainer`; pairs of like length are written together."""
        prompts = [self._prompt(pair) for pair in pairs]
        order = sorted(range(len(prompts)), key=lambda i: len(prompts[i]))
        texts = [""] * len(prompts)
        for start in range(0, len(order), _BATCH):
            places = order[start : start + _BATCH]
            written = self._generate([prompts[i] for i in places], attempt)
            for place, text in zip(places, written, strict=True):
                texts[place] = text
        return texts

    def _prompt(self, pair: ProductPair) -> str:
        text = prompt(pair)
        if self._is_seq2seq or not self._tokenizer.chat_template:
            return text
        message = [{"role": "user", "content": text}]
        chat: str = self._tokenizer.apply_chat_template(
            message, tokenize=False, add_generation_prompt=True
        )
        return chat

    def _generate(self, prompts: list[str], attempt: int) -> list[str]:
        import torch

        read = self._tokenizer(
            prompts,
            return_tensors="pt",
            padding=True,
            truncation=True,
            max_length=MAX_PROMPT_TOKENS + 64,
        )
        sampling: dict[str, Any] = {"do_sample": False}
        if attempt:
            sampling = {"do_sample": True, "temperature": 0.8, "top_p": 0.9, "top_k": 0}
        with torch.inference_mode(), torch.random.fork_rng():
            torch.manual_seed(self._seed * 1009 + attempt)
            written = self.model.generate(
                input_ids=read["input_ids"],
                attention_mask=read["attention_mask"],
                max_new_tokens=MAX_SENTENCE_TOKENS,
                pad_token_id=self._tokenizer.pad_token_id,
                **sampling,
            )
        if not self._is_seq2seq:
            written = written[:, read["input_ids"].shape[1] :]
        texts: list[str] = self._tokenizer.batch_decode(written, skip_special_tokens=True)
        return [text.strip().split("\n")[0] for text in texts]


def load_language_model(model: str) -> tuple[Any, Any, bool]:
    """Tokenizer, model, and whether it reads and writes apart (T5) rather than going on (GPT).

    Raises:
        ConfigError: the libraries are missing, or the model cannot be loaded.
    """
    if find_spec("transformers") is None or find_spec("torch") is None:
        raise ConfigError(f"the model {model} needs more: pip install 'goeswith[language]'")
    from transformers import (
        AutoConfig,
        AutoModelForCausalLM,
        AutoModelForSeq2SeqLM,
        AutoTokenizer,
    )
    from transformers.utils import logging

    logging.disable_progress_bar()
    try:
        is_seq2seq = bool(AutoConfig.from_pretrained(model).is_encoder_decoder)
        tokenizer = AutoTokenizer.from_pretrained(model)
        kind = AutoModelForSeq2SeqLM if is_seq2seq else AutoModelForCausalLM
        loaded = kind.from_pretrained(model, use_safetensors=True)
    except (OSError, ValueError, KeyError) as error:
        raise ConfigError(
            f"the language model {model!r} cannot be loaded: {error}; name a folder with "
            "config.json, tokenizer.json and model.safetensors, or an id on the hub"
        ) from error
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    if not is_seq2seq:
        tokenizer.padding_side = "left"
    return tokenizer, loaded, is_seq2seq
