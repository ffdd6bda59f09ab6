"""Class probabilities of pairs of a shop's products, cached in a file."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np
import polars as pl

from goeswith.core.arrays import Floats, Rows
from goeswith.core.atomic_files import write_parquet
from goeswith.core.errors import ConfigError
from goeswith.core.progress import MessageProgress
from goeswith.data.catalog import Catalog
from goeswith.language.salam.config import SalamConfig
from goeswith.language.salam.salam_model import Salam, read_config
from goeswith.text.product_text import product_texts

PAIR_CLASSES = ("substitute", "complement", "irrelevant")
"""Classes of a pair of products."""
_CACHE_PAIRS = 20_000
"""Pairs between two writes of the cache."""


class Judge:
    """P(substitute), P(complement) and P(irrelevant) of pairs of products.

    Args:
        folder: of a model that `goeswith relevance fit` trained on pairs of products.
        cache: a parquet file of earlier probabilities; None for no cache.

    Raises:
        BundleError: the folder has no relevance model.
        ConfigError: the model has other classes.
    """

    def __init__(self, folder: Path, cache: Path | None = None) -> None:
        self.folder, self.cache = folder, cache
        config: SalamConfig = read_config(folder)
        if config.classes != PAIR_CLASSES:
            raise ConfigError(
                f"{folder} has the classes {', '.join(config.classes)}; pairs of products need a "
                "model with labels s_c_i: goeswith relevance fit SHOP --out MODEL"
            )
        self._model: Salam | None = None

    @classmethod
    def from_model(cls, model: Salam, folder: Path) -> Self:
        """A judge of a model that is in memory; `folder` is where it was, or will be, saved."""
        judge = cls.__new__(cls)
        judge.folder, judge.cache, judge._model = folder, None, model
        return judge

    def texts(self, sources: Sequence[str], targets: Sequence[str]) -> Floats:
        """(m, 3) probabilities of pairs by their texts alone."""
        keys = [[f"p\t\t\t{text}" for text in side] for side in (sources, targets)]
        return self.model.probabilities(keys[0], keys[1], (sources, targets))

    def pairs(
        self,
        catalog: Catalog,
        sources: Rows,
        targets: Rows,
        on_progress: MessageProgress = lambda _: None,
    ) -> Floats:
        """(m, 3) probabilities of pairs of a catalogue, by their rows."""
        texts = np.array(product_texts(catalog), dtype=object)
        ids = np.array(catalog.ids.to_list(), dtype=object)
        requested = pl.DataFrame(
            {
                "source": ids[sources],
                "target": ids[targets],
                "said": _hashes(texts[sources].tolist(), texts[targets].tolist()),
            },
            schema={"source": pl.String, "target": pl.String, "said": pl.UInt64},
        )
        cached = self._read_cache()
        missing = requested.unique(maintain_order=True).join(
            cached, on=["source", "target", "said"], how="anti", maintain_order="left"
        )
        row = {product: number for number, product in enumerate(ids.tolist())}
        for start in range(0, missing.height, _CACHE_PAIRS):
            on_progress(f"judging pairs: {start:,} of {missing.height:,}")
            part = missing.slice(start, _CACHE_PAIRS)
            one = [row[product] for product in part["source"]]
            other = [row[product] for product in part["target"]]
            probabilities = self.model.probabilities(
                [f"p\t\t{ids[i]}" for i in one],
                [f"p\t\t{ids[i]}" for i in other],
                (texts[one].tolist(), texts[other].tolist()),
                on_progress,
            )
            columns = {name: probabilities[:, number] for number, name in enumerate(PAIR_CLASSES)}
            cached = pl.concat([cached, part.with_columns(**columns)])
            if self.cache is not None:
                write_parquet(cached.with_columns(model=pl.lit(self.fingerprint)), self.cache)
        scored = requested.join(
            cached, on=["source", "target", "said"], how="left", maintain_order="left"
        )
        return scored.select(PAIR_CLASSES).to_numpy().astype(np.float32)

    @property
    def model(self) -> Salam:
        """The model, loaded on first use."""
        if self._model is None:
            self._model = Salam.load(self.folder)
        return self._model

    @property
    def fingerprint(self) -> str:
        """Hash of the model's files, so that probabilities of another model are not used."""
        digest = hashlib.sha256()
        for name in ("salam.json", "weights.safetensors", "nodes.safetensors"):
            with (self.folder / name).open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
        return digest.hexdigest()

    def _read_cache(self) -> pl.DataFrame:
        empty = {"source": pl.String, "target": pl.String, "said": pl.UInt64} | dict.fromkeys(
            PAIR_CLASSES, pl.Float32
        )
        if self.cache is None or not self.cache.exists():
            return pl.DataFrame(schema=empty)
        try:
            cached = pl.read_parquet(self.cache)
            return cached.filter(pl.col("model") == self.fingerprint).select(list(empty))
        except (pl.exceptions.PolarsError, OSError):
            return pl.DataFrame(schema=empty)  # a damaged file is written anew


def _hashes(one: Sequence[str], other: Sequence[str]) -> list[int]:
    """Hashes of both texts, so that pairs with a changed text are scored again."""
    return [
        int.from_bytes(hashlib.blake2b(f"{a}\0{b}".encode(), digest_size=8).digest(), "big")
        for a, b in zip(one, other, strict=True)
    ]
