"""A network and what it reads, from texts and behaviour."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from goeswith.core.arrays import Floats
from goeswith.language.salam.behaviour_graph import BehaviourGraph
from goeswith.language.salam.config import SalamConfig
from goeswith.language.salam.torch_encoder import Tokens, load_encoder, load_tokenizer, tokenize
from goeswith.language.salam.torch_feed import OnProgress, node_vectors
from goeswith.language.salam.torch_network import SalamNetwork
from goeswith.language.salam.torch_salam_training import load_weights_into
from goeswith.models.neural.torch_layers import device


def read_texts(
    config: SalamConfig, texts: Sequence[str], on_progress: OnProgress
) -> tuple[Tokens, Floats]:
    """Tokens of texts, and their vectors (n, h) by the encoder as it comes pretrained.

    Raises:
        ConfigError: the encoder cannot be loaded.
    """
    plain = config.model_copy(update={"lora": 0})
    encoder, tokenizer = load_encoder(plain), load_tokenizer(plain)
    prefixed = tokenize([config.prefix + text for text in texts], tokenizer, config.node_tokens)
    vectors = node_vectors(encoder, prefixed, config, device(), on_progress)
    return tokenize(texts, tokenizer, config.max_tokens), vectors


def make_network(config: SalamConfig, behaviour: BehaviourGraph, width: int) -> SalamNetwork:
    """A network that has learned nothing yet, on the device that there is.

    Args:
        config: what it is made of.
        behaviour: whose relations it will read.
        width: h of the node vectors.
    """
    encoder = load_encoder(config) if config.language else None
    torch.manual_seed(config.seed)  # after loading, which may draw
    network = SalamNetwork(
        config, encoder, width, len(behaviour.relations), len(behaviour.path_names())
    )
    return network.to(device())


def load_weights(network: SalamNetwork, file: Path) -> None:
    """Put saved weights into a network.

    Raises:
        ConfigError: they are not those of such a network.
    """
    from safetensors.torch import load_file

    load_weights_into(network, load_file(file))
    network.pretrained = True


def save_weights(network: SalamNetwork, file: Path) -> None:
    """Write what training changed, atomically."""
    from safetensors.torch import save_file

    from goeswith.core.atomic_files import atomic_path

    tensors = {
        name: value.detach().cpu().clone() for name, value in network.trained_weights().items()
    }
    with atomic_path(file) as beside:
        save_file(tensors, beside)
