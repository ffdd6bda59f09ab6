"""The judge of pairs of a shop's products: what it said is kept, so that it is asked once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self

import numpy as np
import polars as pl

from goeswith.core.arrays import Floats, Rows
from goeswith.core.atomic_files import write_parquet
from goeswith.core.errors import ConfigError
from goeswith.data.catalog import Catalog
from goeswith.language.salam.config import SalamConfig
from goeswith.language.salam.salam_model import Salam, read_config
from goeswith.text.product_text import product_texts

Tell = Callable[[str], None]
JUDGED = ("substitute", "complement", "irrelevant")
"""What a pair of products is told to be."""
_PART = 20_000
"""Pairs after which what was said is kept: an interrupted run asks them no more."""


class Judge:
    """P(substitute), P(complement) and P(irrelevant) of pairs of products.

    Args:
        folder: of a model that `goeswith relevance fit` trained on pairs of products.
        cache: a parquet file of what was said before; None keeps nothing.

    Raises:
        BundleError: the folder holds no relevance model.
        ConfigError: the model has other classes.
    """

    def __init__(self, folder: Path, cache: Path | None = None) -> None:
        self.folder, self.cache = folder, cache
        config: SalamConfig = read_config(folder)
        if config.classes != JUDGED:
            raise ConfigError(
                f"{folder} tells {', '.join(config.classes)}; a judge of products is trained with "
                "labels s_c_i: goeswith relevance fit SHOP --out MODEL"
            )
        self._model: Salam | None = None

    @classmethod
    def of(cls, model: Salam, folder: Path) -> Self:
        """A judge of a model that is in memory; `folder` is where it was, or will be, saved."""
        made = cls.__new__(cls)
        made.folder, made.cache, made._model = folder, None, model
        return made

    def texts(self, sources: Sequence[str], targets: Sequence[str]) -> Floats:
        """(m, 3) probabilities of pairs of which only texts are known."""
        keys = [[f"p\t\t\t{text}" for text in side] for side in (sources, targets)]
        return self.model.probabilities(keys[0], keys[1], (sources, targets))

    def pairs(
        self, catalog: Catalog, sources: Rows, targets: Rows, tell: Tell = lambda _: None
    ) -> Floats:
        """(m, 3) probabilities of pairs of a catalogue, by their rows."""
        texts = np.array(product_texts(catalog), dtype=object)
        ids = np.array(catalog.ids.to_list(), dtype=object)
        asked = pl.DataFrame(
            {
                "source": ids[sources],
                "target": ids[targets],
                "said": _hashes(texts[sources].tolist(), texts[targets].tolist()),
            },
            schema={"source": pl.String, "target": pl.String, "said": pl.UInt64},
        )
        known = self._kept()
        missing = asked.unique(maintain_order=True).join(
            known, on=["source", "target", "said"], how="anti", maintain_order="left"
        )
        row = {product: number for number, product in enumerate(ids.tolist())}
        for start in range(0, missing.height, _PART):
            tell(f"judging pairs: {start:,} of {missing.height:,}")
            part = missing.slice(start, _PART)
            one = [row[product] for product in part["source"]]
            other = [row[product] for product in part["target"]]
            found = self.model.probabilities(
                [f"p\t\t{ids[i]}" for i in one],
                [f"p\t\t{ids[i]}" for i in other],
                (texts[one].tolist(), texts[other].tolist()),
                tell,
            )
            columns = {name: found[:, number] for number, name in enumerate(JUDGED)}
            known = pl.concat([known, part.with_columns(**columns)])
            if self.cache is not None:
                write_parquet(known.with_columns(model=pl.lit(self.fingerprint)), self.cache)
        whole = asked.join(
            known, on=["source", "target", "said"], how="left", maintain_order="left"
        )
        return whole.select(JUDGED).to_numpy().astype(np.float32)

    @property
    def model(self) -> Salam:
        """The model, loaded when it is first asked."""
        if self._model is None:
            self._model = Salam.load(self.folder)
        return self._model

    @property
    def fingerprint(self) -> str:
        """Of the model's files: what another model said is not taken."""
        digest = hashlib.sha256()
        for name in ("salam.json", "weights.safetensors", "nodes.safetensors"):
            with (self.folder / name).open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
        return digest.hexdigest()

    def _kept(self) -> pl.DataFrame:
        empty = {"source": pl.String, "target": pl.String, "said": pl.UInt64} | dict.fromkeys(
            JUDGED, pl.Float32
        )
        if self.cache is None or not self.cache.exists():
            return pl.DataFrame(schema=empty)
        try:
            kept = pl.read_parquet(self.cache)
            return kept.filter(pl.col("model") == self.fingerprint).select(list(empty))
        except (pl.exceptions.PolarsError, OSError):
            return pl.DataFrame(schema=empty)  # a damaged file is written anew


def _hashes(one: Sequence[str], other: Sequence[str]) -> list[int]:
    """Of both texts: a product whose text changed is asked of again."""
    return [
        int.from_bytes(hashlib.blake2b(f"{a}\0{b}".encode(), digest_size=8).digest(), "big")
        for a, b in zip(one, other, strict=True)
    ]
