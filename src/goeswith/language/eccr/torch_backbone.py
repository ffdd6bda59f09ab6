"""A language model with the methods of the tasks: scores of prompts, losses of texts.

T5 models answer at the first place of the decoder, causal ones behind the prompt. Both get the
tokens of behaviour as rows added to their vocabulary.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from goeswith.core.arrays import Floats
from goeswith.core.errors import ConfigError
from goeswith.language.eccr.prompts import Ids, pad_runs
from goeswith.models.neural.torch_layers import device, native_bfloat16

if TYPE_CHECKING:
    from torch import Tensor


class Backbone:
    """An encoder-decoder or causal model, with the ids that it answers with.

    Attributes:
        model: of transformers.
        causal: whether it has a decoder alone.
        yes, no: ids of the two answers.
        pad, end: ids that fill and that end a text.
        device: where it computes: CUDA where there is one.
        words: size of the vocabulary before tokens of behaviour were added.
        bf16: whether to compute in bfloat16, where the device has it; weights stay float32.
    """

    def __init__(self, model: Any, *, yes: int, no: int, pad: int, end: int) -> None:
        self.model, self.yes, self.no, self.pad, self.end = model, yes, no, pad, end
        self.causal = not model.config.is_encoder_decoder
        self.device = device()
        self.model.to(self.device)
        self.words = len(self.embedding.weight)
        self.bf16 = native_bfloat16(self.device)

    @property
    def embedding(self) -> Any:
        """The table of vectors of tokens."""
        return self.model.get_input_embeddings()

    def autocast(self) -> Any:
        """Where `bf16`, matrix products in bfloat16."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16)

    def add_codes(self, codes: Ids, titles: Sequence[Ids]) -> None:
        """Add a token for each behaviour code, whose vector is that of the words around it.

        A new token starts as the mean vector of the tokens in the titles of its products, at the
        typical length of a vector.

        Args:
            codes: (n, levels) ids of tokens to add, from the size of the vocabulary on.
            titles: n runs of token ids.
        """
        first, size = self.words, int(codes.max()) + 1
        if codes.min() < first:
            raise ConfigError(f"behaviour tokens start at {first}, not at {codes.min()}")
        title_tokens = np.concatenate([*titles, np.zeros(0, dtype=np.int32)]).astype(np.int64)
        lengths = np.array([len(title) for title in titles])
        tables = [self.embedding.weight.detach()]
        head = self.model.get_output_embeddings()
        tied = head is None or head.weight is self.embedding.weight
        if not tied:
            tables.append(head.weight.detach())
        rows = []
        for table in tables:
            sums = torch.zeros(size - first, table.shape[1], device=table.device)
            for level in codes.T:
                token = torch.from_numpy(np.repeat(level - first, lengths)).to(table.device)
                sums.index_add_(0, token, table[torch.from_numpy(title_tokens).to(table.device)])
            norm = sums.norm(dim=1, keepdim=True)
            typical = table[: self.words].norm(dim=1).median()
            rows.append(torch.where(norm > 0, sums / norm.clamp(min=1e-6) * typical, sums))
        # not `resize_token_embeddings`: some versions tie a head that the model has of its own
        longer = [torch.cat([t[:first], r]) for t, r in zip(tables, rows, strict=True)]
        table = nn.Embedding(size, longer[0].shape[1], device=self.device)
        table.weight = nn.Parameter(longer[0])
        self.model.set_input_embeddings(table)
        if head is not None:
            head.weight = self.embedding.weight if tied else nn.Parameter(longer[1])
            head.out_features = size
        self.model.config.vocab_size = size

    def logits(self, prompts: Sequence[Ids], texts: Sequence[Ids] | None = None) -> Tensor:
        """Logits of the next tokens, (b, s + 1, vocabulary), after each prompt and its text.

        Args:
            prompts: b of them.
            texts: b texts of up to s tokens that follow; none where left out.
        """
        texts = texts if texts is not None else [np.zeros(0, dtype=np.int32)] * len(prompts)
        if self.causal:
            longest = max(map(len, texts))
            # texts of one length, so that the places to read are the same in every row
            filled, _ = pad_runs(texts, self.pad)
            runs = [np.concatenate([p, s]) for p, s in zip(prompts, filled, strict=True)]
            ids, mask = self._on_device(*pad_runs(runs, self.pad, left=True))
            places = mask.cumsum(dim=1).sub(1).clamp(min=0)
            output = self.model(input_ids=ids, attention_mask=mask, position_ids=places)
            return output.logits[:, -1 - longest :]  # type: ignore[no-any-return]
        ids, mask = self._on_device(*pad_runs(prompts, self.pad))
        start = np.array([self.model.config.decoder_start_token_id], dtype=np.int32)
        decoder_ids, _ = pad_runs([np.concatenate([start, s]) for s in texts], self.pad)
        decoder = torch.from_numpy(decoder_ids).to(self.device)
        output = self.model(input_ids=ids, attention_mask=mask, decoder_input_ids=decoder)
        return output.logits  # type: ignore[no-any-return]

    def scores(self, prompts: Sequence[Ids]) -> Tensor:
        """(b,) log-odds of yes over no after each prompt."""
        last = self.logits(prompts)[:, -1].float()
        return last[:, self.yes] - last[:, self.no]

    def text_loss(self, prompts: Sequence[Ids], texts: Sequence[Ids]) -> Tensor:
        """(b,) mean negative log-likelihood of a text's tokens, its end among them."""
        end = np.array([self.end], dtype=np.int32)
        ended, there = self._on_device(
            *pad_runs([np.concatenate([t, end]) for t in texts], self.pad)
        )
        logits = self.logits(prompts, texts).float()
        each = functional.cross_entropy(logits.transpose(1, 2), ended, reduction="none")
        return (each * there).sum(dim=1) / there.sum(dim=1)

    @torch.no_grad()
    def score_all(self, prompts: Sequence[Ids], batch: int = 512) -> Floats:
        """(m,) float32 `scores` of many prompts, those of like length together."""
        self.model.eval()
        order = np.argsort([len(p) for p in prompts], kind="stable")
        scores = np.empty(len(prompts), dtype=np.float32)
        for rows in np.array_split(order, -(-len(order) // batch)) if len(order) else []:
            with self.autocast():
                scores[rows] = self.scores([prompts[i] for i in rows]).cpu().numpy()
        return scores

    @torch.no_grad()
    def generate_text(
        self, prompts: Sequence[Ids], max_tokens: int = 40, batch: int = 256
    ) -> list[list[int]]:
        """The likeliest next token after each prompt, until the end or `max_tokens` tokens."""
        self.model.eval()
        texts: list[list[int]] = []
        for begin in range(0, len(prompts), batch):
            part = list(prompts[begin : begin + batch])
            generated: list[list[int]] = [[] for _ in part]
            going = np.ones(len(part), dtype=bool)
            for _ in range(max_tokens):
                with self.autocast():
                    now = [np.array(s, dtype=np.int32) for s in generated]
                    best = self.logits(part, now)[:, -1].argmax(dim=1).cpu().numpy()
                going &= best != self.end
                if not going.any():
                    break
                for text, token in zip(generated, np.where(going, best, self.pad), strict=True):
                    text.append(int(token))
            texts += [[token for token in text if token != self.pad] for text in generated]
        return texts

    def _on_device(self, *arrays: np.ndarray[Any, Any]) -> tuple[Tensor, ...]:
        return tuple(torch.from_numpy(array).to(self.device) for array in arrays)


def load_backbone(name: str, *, lora: int = 0, seed: int = 0) -> tuple[Backbone, Any]:
    """A model of the T5 family or a causal one, and its tokenizer.

    Args:
        name: folder or hub id.
        lora: rank of the adapters that are trained in place of all weights (Hu et al., 2022); 0 is
            full fine-tuning.
        seed: of adapters.

    Raises:
        ConfigError: there is no such model, or transformers is not installed.
    """
    try:
        from transformers import (
            AutoConfig,
            AutoModelForCausalLM,
            AutoModelForSeq2SeqLM,
            AutoTokenizer,
        )
    except ImportError as error:
        raise ConfigError("language models need: pip install 'goeswith[language]'") from error
    try:
        config = AutoConfig.from_pretrained(name)
        if config.is_encoder_decoder:
            config.dropout_rate = 0.0  # in so few steps, what is dropped is missed
        kind = AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM
        model = kind.from_pretrained(name, config=config, dtype=torch.float32, use_safetensors=True)
        tokenizer = AutoTokenizer.from_pretrained(name)
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"{name!r} is neither a folder nor a hub id of a language model: {error}"
        ) from error
    yes, no = (
        tokenizer(word, add_special_tokens=False)["input_ids"][0] for word in (" yes", " no")
    )
    end = tokenizer.eos_token_id
    pad = end if tokenizer.pad_token_id is None else tokenizer.pad_token_id
    backbone = Backbone(model, yes=yes, no=no, pad=pad, end=end)
    if lora:
        with_adapters(backbone, lora, seed)
    return backbone, tokenizer


def with_adapters(backbone: Backbone, rank: int, seed: int) -> None:
    """Leave only low-rank adapters of the attention's queries and values to be trained."""
    try:
        from peft import LoraConfig, get_peft_model
    except ImportError as error:
        raise ConfigError("LoRA needs peft: pip install 'goeswith[language]'") from error
    torch.manual_seed(seed)
    modules = ["q_proj", "v_proj"] if backbone.causal else ["q", "v"]
    settings = LoraConfig(r=rank, lora_alpha=2 * rank, lora_dropout=0.0, target_modules=modules)
    with warnings.catch_warnings():  # peft uses a deprecated name of transformers
        warnings.simplefilter("ignore", FutureWarning)
        backbone.model = get_peft_model(backbone.model, settings)
