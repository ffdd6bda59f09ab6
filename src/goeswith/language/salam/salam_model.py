"""A fitted SALAM model: classes of pairs, whether or not their ends were seen in learning."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
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
from goeswith.language.salam.config import SalamConfig
from goeswith.language.salam.ensemble import Ensemble
from goeswith.language.salam.labelled_examples import Examples
from goeswith.language.salam.nodes import Behaviour, Pairs

if TYPE_CHECKING:
    from goeswith.language.salam.torch_encoder import Tokens
    from goeswith.language.salam.torch_network import Network

Tell = Callable[[str], None]
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
        ensemble: trees over what the branches say; None where it has none.
    """

    def __init__(
        self,
        config: SalamConfig,
        nodes: dict[str, int],
        network: Network,
        behaviour: Behaviour,
        vectors: Floats,
    ) -> None:
        self.config, self.nodes, self.network = config, nodes, network
        self.behaviour, self.vectors = behaviour, vectors
        self.history: list[Any] = []
        self.ensemble: Ensemble | None = None

    @classmethod
    def fit(
        cls,
        examples: Examples,
        config: SalamConfig,
        *,
        locales: Sequence[str] | None = None,
        start: Path | None = None,
        checkpoint: Path | None = None,
        tell: Tell = lambda _: None,
    ) -> Self:
        """Learn from judged pairs.

        Args:
            examples: nodes, behaviour and pairs.
            config: settings.
            locales: learn from pairs of these alone; from all if left out.
            start: folder of an earlier phase, whose weights are taken up.
            checkpoint: file that a killed run goes on from.
            tell: called with a line now and then.

        Raises:
            ConfigError: torch or transformers are missing, the encoder cannot be loaded, or the
                earlier phase had another shape.
            DataError: no pair is there to learn from.
        """
        need_language()
        from goeswith.language.salam.torch_build import load_weights, make_network, read_texts
        from goeswith.language.salam.torch_feed import World
        from goeswith.language.salam.torch_salam_training import train

        parts = examples.of_regions(examples.regions if locales is None else locales)
        tokens, vectors = read_texts(config, examples.texts, tell)
        network = make_network(config, examples.seen, vectors.shape[1])
        if start is not None:
            saved = read_config(start)
            if saved.classes != config.classes:
                raise ConfigError(
                    f"{start} was trained with labels {saved.labels}; go on with the same"
                )
            load_weights(network, start / "weights.safetensors")
        held = None
        if len(parts["valid"]):
            held = (World(tokens, vectors, examples.known), parts["valid"])
        seen = World(tokens, vectors, examples.seen)
        history = train(network, seen, parts["train"], held, checkpoint=checkpoint, tell=tell)
        nodes = {key: number for number, key in enumerate(examples.keys)}
        model = cls(config, nodes, network, examples.known, vectors)
        model.history = list(history)
        if config.ensemble and held is not None:
            logits = model.logits(*held, tell)
            model.ensemble = Ensemble.fit(
                logits, held[0].behaviour, held[1], len(config.classes), config.seed
            )
        return model

    def probabilities(
        self,
        left: Sequence[str],
        right: Sequence[str],
        texts: tuple[Sequence[str], Sequence[str]],
        tell: Tell = lambda _: None,
    ) -> Floats:
        """(m, c) probability of each class of m pairs.

        A pair of which nobody did anything yet is told by its texts alone.

        Args:
            left: (m,) keys of one end, as `Examples.keys`.
            right: (m,) keys of the other.
            texts: (m,) texts of both ends.
            tell: called with a line now and then.
        """
        found = np.empty((len(left), len(self.config.classes)), dtype=np.float32)
        alone = self._by_texts_alone(left, right)
        for which, by_texts in ((np.flatnonzero(alone), True), (np.flatnonzero(~alone), False)):
            if not len(which):
                continue
            one, other, first, second = (
                [side[i] for i in which.tolist()] for side in (left, right, *texts)
            )
            world, pairs = self._world(one, other, (first, second), tell, by_texts=by_texts)
            logits = self.logits(world, pairs, tell)
            if self.ensemble is not None:
                found[which] = self.ensemble.probabilities(logits, world.behaviour, pairs)
            else:
                found[which] = softmax(logits[list(logits)[-1]], axis=1)
        return found

    def _by_texts_alone(self, left: Sequence[str], right: Sequence[str]) -> npt.NDArray[np.bool_]:
        """(m,) pairs neither of whose ends has an edge: the graph has nothing to say of them."""
        if not self.config.language or not self.config.graph or self.ensemble is not None:
            return np.zeros(len(left), dtype=bool)
        known = self._known
        return np.array(
            [a not in known and b not in known for a, b in zip(left, right, strict=True)]
        )

    @cached_property
    def _known(self) -> frozenset[str]:
        """Keys of nodes with an edge."""
        degree = np.zeros(self.behaviour.n, dtype=np.int64)
        for matrix in self.behaviour.relations.values():
            degree += np.diff(matrix.indptr)
        return frozenset(key for key, node in self.nodes.items() if degree[node])

    def logits(self, world: Any, pairs: Pairs, tell: Tell = lambda _: None) -> dict[str, Floats]:
        """Branch -> (m, c); what was combined last is last."""
        from goeswith.language.salam.torch_feed import predict

        return predict(self.network, world, pairs, tell)

    def _world(
        self,
        left: Sequence[str],
        right: Sequence[str],
        texts: tuple[Sequence[str], Sequence[str]],
        tell: Tell,
        *,
        by_texts: bool,
    ) -> tuple[Any, Pairs]:
        """The nodes that are asked of, with all that is known beside them, or their texts alone."""
        from goeswith.language.salam.torch_feed import World

        said = dict(zip([*left, *right], [*texts[0], *texts[1]], strict=True))
        if by_texts:
            place = {key: number for number, key in enumerate(said)}
            world = World(self._tokens(list(said.values())), None, None)
            return world, _pairs(left, right, place)
        nodes = dict(self.nodes)
        new = [key for key in said if key not in nodes]
        nodes |= {key: len(self.nodes) + place for place, key in enumerate(new)}
        vectors = self.vectors
        if new and self.config.graph:
            more = self._read([said[key] for key in new], tell)
            vectors = np.concatenate([vectors, more])
        elif new:
            vectors = np.pad(vectors, ((0, len(new)), (0, 0)))
        behaviour = self.behaviour.grown(len(nodes)) if new else self.behaviour
        every = [""] * len(nodes)
        for key, words in said.items():
            every[nodes[key]] = words
        tokens = self._tokens(every) if self.config.language else None
        return World(tokens, vectors, behaviour), _pairs(left, right, nodes)

    def _read(self, texts: list[str], tell: Tell) -> Floats:
        from goeswith.language.salam.torch_build import read_texts

        return read_texts(self.config, texts, tell)[1]

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
        said = {
            "format": _FORMAT,
            "config": self.config.model_dump(mode="json"),
            "classes": self.config.classes,
            "relations": list(self.behaviour.relations),
            "history": self.history,
        }
        write_json(said, folder / "salam.json")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote.

        Raises:
            BundleError: the folder holds no such model.
            ConfigError: torch or transformers are missing, or the encoder cannot be loaded.
        """
        config = read_config(folder)
        need_language()
        from goeswith.language.salam.torch_build import load_weights, make_network

        said = json.loads((folder / "salam.json").read_text())
        arrays = load_arrays(folder / "nodes.safetensors")
        keys = pl.read_parquet(folder / "nodes.parquet")["key"].to_list()
        relations = {name: arrays[f"behaviour/{name}"] for name in said["relations"]}
        behaviour = Behaviour(len(keys), relations)
        vectors = np.array(arrays["vectors"])  # torch wants to own it
        network = make_network(config, behaviour, vectors.shape[1])
        load_weights(network, folder / "weights.safetensors")
        model = cls(config, {key: n for n, key in enumerate(keys)}, network, behaviour, vectors)
        model.history = said["history"]
        if (folder / "ensemble.txt").exists():
            model.ensemble = Ensemble.load(folder / "ensemble.txt")
        return model


def _pairs(left: Sequence[str], right: Sequence[str], nodes: dict[str, int]) -> Pairs:
    """Pairs of nodes by their keys, of classes and locales that are not known."""
    one = np.array([nodes[key] for key in left], dtype=np.int32)
    other = np.array([nodes[key] for key in right], dtype=np.int32)
    unknown = np.full(len(one), -1, dtype=np.int64)
    return Pairs(one, other, unknown, unknown)


def read_config(folder: Path) -> SalamConfig:
    """Settings of a saved model.

    Raises:
        BundleError: the folder holds no model that this version reads.
    """
    file = folder / "salam.json"
    try:
        said = json.loads(file.read_text())
        if said["format"] != _FORMAT:
            raise BundleError(f"{folder} is of another version of goeswith: fit it again")
        return SalamConfig.model_validate(said["config"])
    except (OSError, ValueError, KeyError) as error:
        raise BundleError(
            f"{folder} holds no relevance model; `goeswith relevance fit` makes one"
        ) from error


def need_language() -> None:
    """Refuse where torch or transformers are not installed.

    Raises:
        ConfigError: with how to install them.
    """
    from importlib.util import find_spec

    if find_spec("torch") is None or find_spec("transformers") is None:
        raise ConfigError("a relevance model needs torch: pip install 'goeswith[language]'")
