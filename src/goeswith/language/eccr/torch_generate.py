"""Generation of complements: beam search among the codes that exist: nothing is invented."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from goeswith.core.arrays import Floats, Rows
from goeswith.features.semantic_codes import Trie
from goeswith.language.eccr.prompts import Ids
from goeswith.language.eccr.torch_backbone import Backbone


@torch.no_grad()
def generate(
    backbone: Backbone, prompts: Sequence[Ids], trie: Trie, beams: int, first: int
) -> tuple[Rows, Floats]:
    """The products whose codes are the likeliest after each prompt.

    At each level only codes of existing products are considered, and probabilities are normalised
    over these.

    Args:
        backbone: with a token for each code.
        prompts: b of them.
        trie: of the catalogue's codes.
        beams: products to generate.
        first: id of the first code's token.

    Returns:
        products (b, beams), best first, -1 where there are no more, and their log-probabilities.
    """
    backbone.model.eval()
    b = len(prompts)
    nodes = np.zeros((b, 1), dtype=np.int64)
    log_p = np.zeros((b, 1), dtype=np.float32)
    tokens = np.zeros((b, 1, 0), dtype=np.int32)
    start = first
    for level, size in enumerate(trie.sizes):
        width = nodes.shape[1]
        repeated = [prompt for prompt in prompts for _ in range(width)]
        with backbone.autocast():
            logits = backbone.logits(repeated, list(tokens.reshape(b * width, -1)))[:, -1]
        token_logits = logits[:, start : start + size].float().cpu().numpy().reshape(b, width, size)
        below = trie.children(level, nodes)
        reached = np.where(below >= 0, token_logits, -np.inf)
        reached = log_p[..., None] + reached - _log_sum(reached)
        reached = np.where(below >= 0, reached, -np.inf).reshape(b, -1)
        width_out = min(beams, reached.shape[1])
        best = np.argsort(-reached, axis=1, kind="stable")[:, :width_out]
        log_p = np.take_along_axis(reached, best, axis=1)
        nodes = np.take_along_axis(below.reshape(b, -1), best, axis=1)
        before = np.take_along_axis(tokens, (best // size)[..., None], axis=1)
        token = (start + best % size)[..., None].astype(np.int32)
        tokens = np.concatenate([before, token], axis=2)
        start += size
    products = np.where(nodes >= 0, trie.products[nodes], -1).astype(np.int32)
    return products, np.where(nodes >= 0, log_p, -np.inf).astype(np.float32)


def _log_sum(x: Floats) -> Floats:
    highest = np.max(x, axis=-1, keepdims=True)
    highest = np.where(np.isfinite(highest), highest, 0)
    total: Floats = np.log(np.maximum(np.exp(x - highest).sum(axis=-1, keepdims=True), 1e-30))
    return total + highest
