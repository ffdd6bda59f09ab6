"""A pretrained encoder by folder or hub id: texts to tokens, tokens to vectors."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from goeswith.core.errors import ConfigError
from goeswith.language.salam.config import SalamConfig


@dataclass
class Tokens:
    """Tokens of n texts, end to end.

    Attributes:
        ids: all of them.
        starts: (n + 1,) where each text begins.
        first: tokens that begin an input; none for encoders that want none.
        between: the token after each text.
        padding: what fills a batch.
    """

    ids: np.ndarray[Any, np.dtype[np.int32]]
    starts: np.ndarray[Any, np.dtype[np.int64]]
    first: list[int]
    between: int
    padding: int

    def take(self, node: int, max_tokens: int) -> list[int]:
        """The first tokens of one text."""
        start = self.starts[node]
        tokens: list[int] = self.ids[
            start : min(self.starts[node + 1], start + max_tokens)
        ].tolist()
        return tokens

    def lengths(self) -> np.ndarray[Any, np.dtype[np.int64]]:
        """(n,) tokens of each text."""
        return np.diff(self.starts)

    def pair(self, left: int, right: int, max_tokens: int) -> list[int]:
        """Both texts as one input of at most `max_tokens` tokens; the longer one is cut first."""
        room = max_tokens - len(self.first) - 2
        one, other = self.take(left, room), self.take(right, room)
        over = len(one) + len(other) - room
        if over > 0:
            short = min(len(one), len(other), room // 2)
            if len(one) > len(other):
                one = one[: room - short]
                other = other[:short]
            else:
                one = one[:short]
                other = other[: room - short]
        return [*self.first, *one, self.between, *other, self.between]

    def single(self, node: int, max_tokens: int) -> list[int]:
        """One text as an input."""
        return [*self.first, *self.take(node, max_tokens - len(self.first) - 1), self.between]

    def batch(self, inputs: Sequence[Sequence[int]], device: torch.device) -> tuple[Tensor, Tensor]:
        """(b, l) tokens and (b, l) which of them are there."""
        longest = max(len(row) for row in inputs)
        ids = np.full((len(inputs), longest), self.padding, dtype=np.int64)
        mask = np.zeros((len(inputs), longest), dtype=np.int64)
        for row, tokens in enumerate(inputs):
            ids[row, : len(tokens)], mask[row, : len(tokens)] = tokens, 1
        return torch.as_tensor(ids, device=device), torch.as_tensor(mask, device=device)


def tokenize(texts: Sequence[str], tokenizer: Any, max_tokens: int) -> Tokens:
    """Tokens of texts, without those that begin and end an input."""
    rows: list[list[int]] = []
    for start in range(0, len(texts), 10_000):
        part = list(texts[start : start + 10_000])
        rows += tokenizer(part, add_special_tokens=False, truncation=True, max_length=max_tokens)[
            "input_ids"
        ]
    starts = np.concatenate([[0], np.cumsum([len(row) for row in rows], dtype=np.int64)])
    ids = np.fromiter((token for row in rows for token in row), np.int32, int(starts[-1]))
    first = tokenizer.cls_token_id if tokenizer.cls_token_id is not None else tokenizer.bos_token_id
    end = tokenizer.sep_token_id if tokenizer.sep_token_id is not None else tokenizer.eos_token_id
    if end is None:
        raise ConfigError("this encoder's tokenizer has neither a separator nor an end token")
    padding = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else end
    return Tokens(ids, starts, [] if first is None else [first], end, padding)


def load_tokenizer(config: SalamConfig) -> Any:
    """The tokenizer of a pretrained encoder.

    Raises:
        ConfigError: there is none of that name.
    """
    from transformers import AutoTokenizer

    return _load_pretrained(AutoTokenizer.from_pretrained, config.encoder)


def load_encoder(config: SalamConfig) -> Any:
    """A pretrained encoder, with adapters if `lora` is set.

    Raises:
        ConfigError: nothing can be loaded by that name.
    """
    from transformers import AutoModel

    encoder = _load_pretrained(AutoModel.from_pretrained, config.encoder, dtype=torch.float32)
    if getattr(encoder, "pooler", None) is not None:
        encoder.pooler = None  # nothing reads it, and some models come without its weights
    if config.lora:
        from peft import LoraConfig, get_peft_model

        adapters = LoraConfig(
            r=config.lora, lora_alpha=2 * config.lora, target_modules="all-linear"
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # peft uses a deprecated name
            encoder = get_peft_model(encoder, adapters)
    elif not config.train_embeddings:
        encoder.get_input_embeddings().weight.requires_grad_(requires_grad=False)
    return encoder


def _load_pretrained(load: Callable[..., Any], name: str, **settings: Any) -> Any:
    from transformers.utils import logging

    logging.disable_progress_bar()  # we show our own
    logging.set_verbosity_error()
    try:
        return load(name, **settings)
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"{name!r} is neither a folder nor a hub id of an encoder that can be loaded: "
            f"{str(error).splitlines()[0]}"
        ) from error


def mean_vector(encoder: nn.Module, ids: Tensor, mask: Tensor) -> Tensor:
    """(b, h) mean of the last layer over the tokens that are there."""
    states = encoder(input_ids=ids, attention_mask=mask).last_hidden_state
    there = mask[..., None].to(states.dtype)
    mean: Tensor = (states * there).sum(1) / there.sum(1)
    return mean


def batches_by_length(
    lengths: np.ndarray[Any, np.dtype[np.int64]], size: int
) -> list[np.ndarray[Any, np.dtype[np.int64]]]:
    """Numbers of inputs in batches of like length, so that little is padded."""
    order = np.argsort(lengths, kind="stable")
    bounds = [*range(0, len(order), size), len(order)]
    return [order[start:stop] for start, stop in pairwise(bounds)]
