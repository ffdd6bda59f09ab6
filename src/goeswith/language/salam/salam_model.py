"""A fitted SALAM model: classes of pairs, whether or not their ends were seen in learning."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.special import softmax

from goeswith.core.arrays import Floats
from goeswith.core.arrays_file import load_arrays, save_arrays
from goeswith.core.atomic_files import write_json, write_parquet
from goeswith.core.errors import BundleError, ConfigError
from goeswith.core.progress import MessageProgress
from goeswith.language.salam.behaviour_graph import BehaviourGraph, NodePairs
from goeswith.language.salam.config import SalamConfig
from goeswith.language.salam.ensemble import Ensemble
from goeswith.language.salam.relevance_examples import RelevanceExamples

if TYPE_CHECKING:
    from goeswith.language.salam.torch_encoder import Tokens
    from goeswith.language.salam.torch_network import SalamNetwork

_FORMAT = 1


class Salam:
    """Exact, substitute, complement or irrelevant (Choudhary et al., 2022).

    Attributes:
        config: settings.
        nodes: node's key -> its number.
        network: weights, on the device that there is.
        behaviour: between nodes.
        vectors: (n, h) of the nodes, by the encoder as it came.
        history: epochs.
        ensemble: trees over the outputs of the branches; None without.
    """

    def __init__(
        self,
        config: SalamConfig,
        nodes: dict[str, int],
        network: SalamNetwork,
        behaviour: BehaviourGraph,
        vectors: Floats,
    ) -> None:
        self.config, self.nodes, self.network = config, nodes, network
        self.behaviour, self.vectors = behaviour, vectors
        self.history: list[Any] = []
        self.ensemble: Ensemble | None = None

    @classmethod
    def fit(
        cls,
        examples: RelevanceExamples,
        config: SalamConfig,
        *,
        locales: Sequence[str] | None = None,
        start: Path | None = None,
        checkpoint: Path | None = None,
        on_progress: MessageProgress = lambda _: None,
    ) -> Self:
        """Learn from judged pairs.

        Args:
            examples: nodes, behaviour and pairs.
            config: settings.
            locales: learn from pairs of these alone; from all if left out.
            start: folder of an earlier phase, whose weights are loaded.
            checkpoint: file for resuming a killed run.
            on_progress: called with a line now and then.

        Raises:
            ConfigError: torch or transformers are missing, the encoder cannot be loaded, or the
                earlier phase had another shape.
            DataError: no pair is there to learn from.
        """
        require_language()
        from goeswith.language.salam.torch_build import load_weights, make_network, read_texts
        from goeswith.language.salam.torch_feed import NodeInputs
        from goeswith.language.salam.torch_salam_training import train

        parts = examples.select_regions(examples.regions if locales is None else locales)
        tokens, vectors = read_texts(config, examples.texts, on_progress)
        network = make_network(config, examples.training_graph, vectors.shape[1])
        if start is not None:
            saved = read_config(start)
            if saved.classes != config.classes:
                raise ConfigError(
                    f"{start} was trained with labels {saved.labels}; use the same labels"
                )
            load_weights(network, start / "weights.safetensors")
        validation = None
        if len(parts["valid"]):
            validation = (NodeInputs(tokens, vectors, examples.inference_graph), parts["valid"])
        training = NodeInputs(tokens, vectors, examples.training_graph)
        history = train(
            network,
            training,
            parts["train"],
            validation,
            checkpoint=checkpoint,
            on_progress=on_progress,
        )
        nodes = {key: number for number, key in enumerate(examples.keys)}
        model = cls(config, nodes, network, examples.inference_graph, vectors)
        model.history = list(history)
        if config.ensemble and validation is not None:
            logits = model.logits(*validation, on_progress)
            model.ensemble = Ensemble.fit(
                logits, validation[0].behaviour, validation[1], len(config.classes), config.seed
            )
        return model

    def probabilities(
        self,
        left: Sequence[str],
        right: Sequence[str],
        texts: tuple[Sequence[str], Sequence[str]],
        on_progress: MessageProgress = lambda _: None,
    ) -> Floats:
        """(m, c) probability of each class of m pairs.

        A pair without any behaviour is classified by its texts alone.

        Args:
            left: (m,) keys of one end, as `RelevanceExamples.keys`.
            right: (m,) keys of the other.
            texts: (m,) texts of both ends.
            on_progress: called with a line now and then.
        """
        probabilities = np.empty((len(left), len(self.config.classes)), dtype=np.float32)
        is_text_only = self._is_text_only(left, right)
        for which, text_only in (
            (np.flatnonzero(is_text_only), True),
            (np.flatnonzero(~is_text_only), False),
        ):
            if not len(which):
                continue
            one, other, first, second = (
                [side[i] for i in which.tolist()] for side in (left, right, *texts)
            )
            world, pairs = self._inputs(
                one, other, (first, second), on_progress, text_only=text_only
            )
            logits = self.logits(world, pairs, on_progress)
            if self.ensemble is not None:
                probabilities[which] = self.ensemble.probabilities(logits, world.behaviour, pairs)
            else:
                probabilities[which] = softmax(logits[list(logits)[-1]], axis=1)
        return probabilities

    def _is_text_only(self, left: Sequence[str], right: Sequence[str]) -> npt.NDArray[np.bool_]:
        """(m,) pairs neither of whose ends has an edge, so that the graph adds nothing."""
        if not self.config.language or not self.config.graph or self.ensemble is not None:
            return np.zeros(len(left), dtype=bool)
        connected = self._connected_keys
        return np.array(
            [a not in connected and b not in connected for a, b in zip(left, right, strict=True)]
        )

    @cached_property
    def _connected_keys(self) -> frozenset[str]:
        """Keys of nodes with an edge."""
        degree = np.zeros(self.behaviour.n, dtype=np.int64)
        for matrix in self.behaviour.relations.values():
            degree += np.diff(matrix.indptr)
        return frozenset(key for key, node in self.nodes.items() if degree[node])

    def logits(
        self, world: Any, pairs: NodePairs, on_progress: MessageProgress = lambda _: None
    ) -> dict[str, Floats]:
        """Branch -> (m, c); what was combined last is last."""
        from goeswith.language.salam.torch_feed import predict

        return predict(self.network, world, pairs, on_progress)

    def _inputs(
        self,
        left: Sequence[str],
        right: Sequence[str],
        texts: tuple[Sequence[str], Sequence[str]],
        on_progress: MessageProgress,
        *,
        text_only: bool,
    ) -> tuple[Any, NodePairs]:
        """The nodes of the pairs with the stored graph, or their texts alone."""
        from goeswith.language.salam.torch_feed import NodeInputs

        text_of = dict(zip([*left, *right], [*texts[0], *texts[1]], strict=True))
        if text_only:
            place = {key: number for number, key in enumerate(text_of)}
            world = NodeInputs(self._tokens(list(text_of.values())), None, None)
            return world, _pairs(left, right, place)
        nodes = dict(self.nodes)
        new = [key for key in text_of if key not in nodes]
        nodes |= {key: len(self.nodes) + place for place, key in enumerate(new)}
        vectors = self.vectors
        if new and self.config.graph:
            more = self._text_vectors([text_of[key] for key in new], on_progress)
            vectors = np.concatenate([vectors, more])
        elif new:
            vectors = np.pad(vectors, ((0, len(new)), (0, 0)))
        behaviour = self.behaviour.with_new_items(len(nodes)) if new else self.behaviour
        every = [""] * len(nodes)
        for key, words in text_of.items():
            every[nodes[key]] = words
        tokens = self._tokens(every) if self.config.language else None
        return NodeInputs(tokens, vectors, behaviour), _pairs(left, right, nodes)

    def _text_vectors(self, texts: list[str], on_progress: MessageProgress) -> Floats:
        from goeswith.language.salam.torch_build import read_texts

        return read_texts(self.config, texts, on_progress)[1]

    def _tokens(self, texts: list[str]) -> Tokens:
        from goeswith.language.salam.torch_encoder import load_tokenizer, tokenize

        if not hasattr(self, "_tokenizer"):
            self._tokenizer = load_tokenizer(self.config)
        return tokenize(texts, self._tokenizer, self.config.max_tokens)

    def save(self, folder: Path) -> None:
        """Write the model; `salam.json` is last: an interrupted run leaves no half of one."""
        from goeswith.language.salam.torch_build import save_weights

        folder.mkdir(parents=True, exist_ok=True)
        save_weights(self.network, folder / "weights.safetensors")
        arrays = {f"behaviour/{k}": m for k, m in self.behaviour.relations.items()}
        save_arrays({**arrays, "vectors": self.vectors}, folder / "nodes.safetensors")
        write_parquet(pl.DataFrame({"key": list(self.nodes)}), folder / "nodes.parquet")
        trees = folder / "ensemble.txt"
        if self.ensemble is not None:
            self.ensemble.save(trees)
        else:
            trees.unlink(missing_ok=True)
        content = {
            "format": _FORMAT,
            "config": self.config.model_dump(mode="json"),
            "classes": self.config.classes,
            "relations": list(self.behaviour.relations),
            "history": self.history,
        }
        write_json(content, folder / "salam.json")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote.

        Raises:
            BundleError: the folder holds no such model.
            ConfigError: torch or transformers are missing, or the encoder cannot be loaded.
        """
        config = read_config(folder)
        require_language()
        from goeswith.language.salam.torch_build import load_weights, make_network

        content = json.loads((folder / "salam.json").read_text())
        arrays = load_arrays(folder / "nodes.safetensors")
        keys = pl.read_parquet(folder / "nodes.parquet")["key"].to_list()
        relations = {name: arrays[f"behaviour/{name}"] for name in content["relations"]}
        behaviour = BehaviourGraph(len(keys), relations)
        vectors = np.array(arrays["vectors"])  # torch wants to own it
        network = make_network(config, behaviour, vectors.shape[1])
        load_weights(network, folder / "weights.safetensors")
        model = cls(config, {key: n for n, key in enumerate(keys)}, network, behaviour, vectors)
        model.history = content["history"]
        if (folder / "ensemble.txt").exists():
            model.ensemble = Ensemble.load(folder / "ensemble.txt")
        return model


def _pairs(left: Sequence[str], right: Sequence[str], nodes: dict[str, int]) -> NodePairs:
    """Unlabelled pairs of nodes by their keys."""
    one = np.array([nodes[key] for key in left], dtype=np.int32)
    other = np.array([nodes[key] for key in right], dtype=np.int32)
    unknown = np.full(len(one), -1, dtype=np.int64)
    return NodePairs(one, other, unknown, unknown)


def read_config(folder: Path) -> SalamConfig:
    """Settings of a saved model.

    Raises:
        BundleError: the folder holds no model that this version reads.
    """
    file = folder / "salam.json"
    try:
        content = json.loads(file.read_text())
        if content["format"] != _FORMAT:
            raise BundleError(f"{folder} is of another version of goeswith: fit it again")
        return SalamConfig.model_validate(content["config"])
    except (OSError, ValueError, KeyError) as error:
        raise BundleError(
            f"{folder} has no relevance model; `goeswith relevance fit` makes one"
        ) from error


def require_language() -> None:
    """Refuse where torch or transformers are not installed.

    Raises:
        ConfigError: with how to install them.
    """
    from importlib.util import find_spec

    if find_spec("torch") is None or find_spec("transformers") is None:
        raise ConfigError("a relevance model needs torch: pip install 'goeswith[language]'")
