"""A bundle opened for answering: memory-mapped arrays, and neither torch nor scipy nor a frame."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np

from goeswith.bundle.evidence import Evidence, EvidenceIndex
from goeswith.bundle.format import (
    ANSWERS,
    EVIDENCE,
    LOOKUP,
    PRODUCTS,
    Manifest,
    read_manifest,
)
from goeswith.bundle.mapped import MappedArrays, map_arrays
from goeswith.bundle.products import Products
from goeswith.bundle.why import why
from goeswith.errors import BundleError

if TYPE_CHECKING:
    import polars as pl

_TYPE_MODELS: Final = ("type_popularity",)
"""Models that choose a product for its type: their evidence is how often the types go together."""


@dataclass(frozen=True)
class Answer:
    """One complement of a product.

    Attributes:
        product_id: the complement.
        title: None where it has none.
        type: None where it has none.
        relation: what it is to the product asked about.
        score: of the model that produced it; comparable among answers of that model only.
        model: as it stands in the settings, for example `cocitation`.
        fallback: whether that model filled a place that the first one left empty.
        evidence: what the data say of the pair.
        why: one sentence, from the evidence alone.
    """

    product_id: str
    title: str | None
    type: str | None
    relation: str
    score: float
    model: str
    fallback: bool
    evidence: Evidence
    why: str


class Bundle:
    """What `goeswith fit` left, ready to answer. Open one with `Bundle.open`.

    Answers come from one build: a fit that replaces the bundle meanwhile changes nothing here.
    """

    def __init__(self, path: Path, manifest: Manifest) -> None:
        self.path = path
        self.manifest = manifest.content
        self.folder = manifest.folder
        answers = map_arrays(self.folder / ANSWERS)
        self.products = Products(map_arrays(self.folder / LOOKUP))
        self._evidence = EvidenceIndex(map_arrays(self.folder / EVIDENCE), self.products)
        self._check_shapes(answers)
        self._answers, self._scores = answers["products"], answers["scores"]
        self._origin = answers["origin"]
        self._models: list[str] = self.manifest["models"]
        self._by_type = np.array([name.split(":")[0] in _TYPE_MODELS for name in self._models])

    @classmethod
    def open(cls, path: Path | str, verify: bool = False) -> Self:
        """Open the bundle at `path`.

        Args:
            path: the folder that was given to `goeswith fit --out`.
            verify: also read every file and compare its SHA-256 (about a second a gigabyte).

        Raises:
            BundleError: it is missing, incomplete, damaged, edited, or of a newer format.
        """
        path = Path(path)
        manifest = read_manifest(path)
        while True:
            try:
                manifest.check_sizes()
                if verify:
                    manifest.check_sums()
                return cls(path, manifest)
            except FileNotFoundError as error:
                # a fit may have replaced the build between our reading the manifest and its files
                newer = read_manifest(path)
                if newer.folder == manifest.folder:
                    raise BundleError(
                        f"{path} is incomplete: {error.filename} is missing; fit the bundle again, "
                        "or restore it from a copy"
                    ) from error
                manifest = newer
            except KeyError as error:
                raise BundleError(
                    f"{path} is incomplete: the array {error} is missing; fit the bundle again"
                ) from error

    def _check_shapes(self, answers: MappedArrays) -> None:
        shape = (len(self.products), self.manifest["k"])
        for name in ("products", "scores", "origin"):
            if answers[name].shape != shape:
                raise BundleError(
                    f"{self.folder / ANSWERS}: {name} has shape {answers[name].shape}, the "
                    f"manifest and the catalogue say {shape}; fit the bundle again"
                )

    def __len__(self) -> int:
        return len(self.products)

    @property
    def id(self) -> str:
        """The build that answers: new with every fit."""
        return str(self.manifest["id"])

    @property
    def k(self) -> int:
        """Answers kept for each product."""
        return int(self.manifest["k"])

    def complements(self, product_id: str, k: int = 10) -> list[Answer]:
        """What goes with a product, best first.

        Args:
            product_id: as in the catalogue.
            k: at most so many; fewer where the models know fewer.

        Raises:
            UnknownProductError: with the nearest ids and titles.
            BundleError: `k` is more than the bundle holds, or its arrays are damaged.
        """
        if not 1 <= k <= self.k:
            raise BundleError(
                f"this bundle holds {self.k} answers a product, {k} were asked for; "
                "ask for fewer, or fit with a larger fit.k"
            )
        source = self.products.row(product_id)
        targets = self._answers[source, :k]
        targets = targets[: np.count_nonzero(targets >= 0)]
        origin = self._origin[source, : len(targets)]
        if (targets >= len(self)).any() or not ((origin >= 0) & (origin < len(self._models))).all():
            raise BundleError(f"{self.folder / ANSWERS} is damaged at product {product_id!r}")
        evidence = self._evidence.of(source, targets, self._by_type[origin])
        name = self.products.name(source)
        return [
            Answer(
                product_id=self.products.ids[target],
                title=self.products.title(target),
                type=self.products.type(target),
                relation="complement",
                score=float(self._scores[source, i]),
                model=self._models[origin[i]],
                fallback=bool(origin[i] > 0),
                evidence=evidence[i],
                why=why(name, evidence[i]),
            )
            for i, target in enumerate(targets.tolist())
        ]

    @cached_property
    def catalog_frame(self) -> pl.DataFrame:
        """The catalogue with every attribute, in row order."""
        import polars as pl

        # a number that is none is told as missing: JSON has no NaN
        frame = pl.read_parquet(self.folder / PRODUCTS)
        return frame.with_columns(pl.selectors.float().fill_nan(None))

    def product(self, product_id: str) -> dict[str, Any]:
        """Every attribute that a product has.

        Raises:
            UnknownProductError: with the nearest ids and titles.
        """
        row = self.catalog_frame.row(self.products.row(product_id), named=True)
        return {name: value for name, value in row.items() if value is not None}
