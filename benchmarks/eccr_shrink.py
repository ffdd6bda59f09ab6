"""A T5 model small enough to travel: the tokens that a task needs, weights as 8-bit numbers.

    shrink(folder, kept ids) -> arrays         grown(arrays) -> state dict in float32

Weights lose a 127th of the largest of each 64 at most; fine-tuning follows.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

BLOCK = 64
TABLES = ("shared.weight", "lm_head.weight")


def shrink(folder: Path, kept: np.ndarray) -> dict[str, np.ndarray]:
    """Arrays of a model folder: int8 with a float16 scale for each 64 of a row; vectors float16.

    Args:
        folder: of transformers, with model.safetensors.
        kept: ids of the tokens that remain, in their new order.
    """
    from safetensors import safe_open

    arrays: dict[str, np.ndarray] = {}
    with safe_open(folder / "model.safetensors", "np") as file:
        for name in file.keys():  # noqa: SIM118
            weight = file.get_tensor(name).astype(np.float32)
            if name in TABLES:
                weight = weight[kept]
            if weight.ndim == 2 and weight.shape[1] % BLOCK == 0:
                parts = weight.reshape(len(weight), -1, BLOCK)
                scale = np.abs(parts).max(axis=2, keepdims=True) / 127
                scale = np.maximum(scale, 1e-7).astype(np.float16)
                arrays[f"{name}|int8"] = np.rint(parts / scale.astype(np.float32)).astype(np.int8)
                arrays[f"{name}|scale"] = scale
            else:
                arrays[name] = weight.astype(np.float16)
    return arrays


def grown(arrays: Any) -> dict[str, np.ndarray]:
    """Name -> float32 weights of what `shrink` gave."""
    found = {}
    for name in arrays:
        if name.endswith("|int8"):
            key = name.removesuffix("|int8")
            parts = arrays[name].astype(np.float32) * arrays[f"{key}|scale"].astype(np.float32)
            found[key] = parts.reshape(len(parts), -1)
        elif not name.endswith("|scale"):
            found[name] = arrays[name].astype(np.float32)
    return found


def t5(config: dict[str, Any], weights: dict[str, np.ndarray]) -> Any:
    """A T5 model of a config, and weights in which the head is not tied to the vocabulary."""
    import torch
    from transformers import T5Config, T5ForConditionalGeneration

    size = len(weights["shared.weight"])
    # nothing is scaled and nothing tied by transformers, whose versions differ in when they do
    known = {k: v for k, v in config.items() if k not in ("transformers_version", "dtype")}
    model = T5ForConditionalGeneration(
        T5Config(**known | {"vocab_size": size, "tie_word_embeddings": False})
    )
    tensors = {name: torch.from_numpy(array) for name, array in weights.items()}
    model.config.tie_word_embeddings = model.config.scale_decoder_outputs = False
    model.lm_head.weight = torch.nn.Parameter(tensors["lm_head.weight"].clone())
    for part in ("encoder", "decoder"):
        getattr(model, part).embed_tokens = model.shared
        tensors[f"{part}.embed_tokens.weight"] = tensors["shared.weight"]
    model.load_state_dict(tensors)
    return model
