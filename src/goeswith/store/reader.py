"""The files of one bundle, memory-mapped: what queries read, without torch, scipy or polars."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np

from goeswith.core.errors import BundleError
from goeswith.core.mapped_arrays import MappedArrays, map_arrays
from goeswith.store.attribute_table import AttributeTable
from goeswith.store.build_files import check_files, check_live
from goeswith.store.build_lease import BuildLease
from goeswith.store.evidence import ContextUnit, Evidence
from goeswith.store.kind_relations import KindRelations
from goeswith.store.manifest import (
    AVAILABILITY,
    EVIDENCE,
    EXPLANATIONS,
    KINDS,
    LIVE_FOLDER,
    LOOKUP,
    PRODUCTS,
    REVERSE,
    SEARCH,
    SIMILARS,
    TOP_K,
    TRANSITIONS,
    TRIAL_REPEAT,
    Manifest,
    read_manifest,
)
from goeswith.store.pairs.evidence_index import EvidenceIndex
from goeswith.store.precomputed_topk import TopKReader
from goeswith.store.product_lookup import ProductLookup
from goeswith.store.search_index import SearchIndex

if TYPE_CHECKING:
    from goeswith.core.arrays import Rows

_TYPE_MODELS: Final = ("type_popularity",)
"""Models that choose a product for its type: their evidence is how often the types go together."""


class StoredBundle:
    """A bundle on disk, opened for reading. Open one with `open`.

    Everything comes from one build: a fit that replaces the bundle meanwhile changes nothing here,
    and leaves the files of this build on the disk for as long as this object is.
    """

    _lease: BuildLease

    def __init__(self, path: Path, manifest: Manifest) -> None:
        self.path = path
        self.manifest = manifest.content
        self.folder = manifest.folder
        self.id = str(self.manifest["id"])
        """The build that answers: new with every fit."""
        self.k = int(self.manifest["k"])
        """Stored recommendations per product."""
        self.has_search = "search" not in self.left_out
        index = SearchIndex(map_arrays(self.folder / SEARCH)) if self.has_search else None
        self.products = ProductLookup(map_arrays(self.folder / LOOKUP), index)
        self.evidence = EvidenceIndex(
            map_arrays(self.folder / EVIDENCE), self.products, _purchase_unit(self.manifest)
        )
        self.models: list[str] = self.manifest["models"]
        self.top_k_lists = TopKReader(self.folder / TOP_K, self.products, self.k, len(self.models))
        self.table = AttributeTable(self.folder / PRODUCTS, self.products)
        # missing in bundles of earlier versions
        self.similar_arrays = self._optional_arrays(SIMILARS)
        self.kinds = KindRelations(self._optional_arrays(KINDS))
        self.kinds_exclude: bool = self.manifest.get("kinds", {}).get("exclude", False)
        """Whether products of one kind, or of kinds that replace each other, are substitutes."""
        self.availability = self._optional_arrays(AVAILABILITY).get("flags")
        """(n,) flags of products that are sold out or hidden; None where none can be."""
        if self.availability is not None and (
            self.availability.dtype != np.uint8 or self.availability.shape != (len(self),)
        ):
            raise ValueError(f"{AVAILABILITY}: flags does not hold a byte for each product")
        self.reverse_arrays = self._optional_arrays(REVERSE)
        self.trial_repeat = self._optional_arrays(TRIAL_REPEAT)
        """Of the products of the fit; empty for a log without users."""
        self.transition_arrays = self._optional_arrays(TRANSITIONS)
        self.explanation_arrays = self._optional_arrays(EXPLANATIONS)
        self.session_model: str | None = self.manifest.get("session", {}).get("model")
        """The model of the next product in a session, where the bundle has one."""
        self.slate_settings: dict[str, Any] = self.manifest["settings"].get("slate", {})
        self.objectives: dict[str, Any] = self.manifest["settings"].get("objectives", {})
        self.keeps_ranking = not self.objectives.get("weights") and not any(
            value for name, value in self.slate_settings.items() if name != "when_sold_out"
        )
        """Whether recommendations are shown in ranked order unless a request has constraints."""
        self.ranks_by_type = np.array([name.split(":")[0] in _TYPE_MODELS for name in self.models])

    @classmethod
    def open(
        cls,
        path: Path | str,
        verify: bool | Callable[[Manifest], None] = False,
        trusted_keys: Collection[str] = (),
    ) -> Self:
        """Open the bundle at `path`.

        Args:
            path: the folder that was given to `goeswith fit --out`.
            verify: also read every file and compare its SHA-256 (about a second a gigabyte), or
                have a function do so, which raises as `Manifest.verify_checksums`.
            trusted_keys: public keys, one of which must have signed the bundle; with any, every
                file is compared.

        Raises:
            BundleError: it is missing, incomplete, damaged, edited, of a newer format, or not
                signed by a trusted key.
        """
        path = Path(path)
        verify = verify or bool(trusted_keys)
        manifest = read_manifest(path)
        while True:
            try:
                if trusted_keys:
                    manifest.check_signature(trusted_keys)
                check_files(manifest.folder, manifest.files)
                check_live(path / LIVE_FOLDER)
                lease = BuildLease(manifest.folder)
                manifest.check_sizes()
                if callable(verify):
                    verify(manifest)
                elif verify:
                    manifest.verify_checksums()
                opened = cls(path, manifest)
                if verify:
                    opened.check(with_table=verify is True)
                opened._lease = lease
                return opened  # noqa: TRY300
            except FileNotFoundError as error:
                # a fit may have replaced the build between our reading the manifest and its files
                newer = read_manifest(path)
                if newer.folder == manifest.folder:
                    raise BundleError(
                        f"{path} is incomplete: {error.filename} is missing; fit the bundle again, "
                        "or restore it from a copy"
                    ) from error
                manifest = newer
            except PermissionError as error:
                raise BundleError(
                    f"{error.filename} cannot be read by this user; grant read access to the "
                    f"complete bundle: chmod -R a+rX {path}"
                ) from error
            except KeyError as error:
                raise BundleError(
                    f"{path} is incomplete: the array {error} is missing; fit the bundle again"
                ) from error
            except (ValueError, TypeError, IndexError, OverflowError) as error:
                raise BundleError(
                    f"{path} is damaged: its files do not fit together ({error}); fit the bundle "
                    "again"
                ) from error

    def check(self, *, with_table: bool = True) -> None:
        """Read every array, and compare it with what queries take for granted.

        Args:
            with_table: also read the table of attributes, by libraries that start threads.

        Raises:
            BundleError: an array is damaged; the message names it.
        """
        from goeswith.store.array_check import check_arrays

        if with_table:
            _ = self.table.frame
        files = {
            name: map_arrays(self.folder / name)
            for name in self.manifest["files"]
            if "/" not in name and name.endswith(".safetensors")
        }
        files[TRANSITIONS] = self.transition_arrays
        check_arrays(self.folder, files, len(self), len(self.products.type_names), len(self.models))

    def _optional_arrays(self, name: str) -> MappedArrays:
        return map_arrays(self.folder / name) if name in self.manifest["files"] else {}

    def __len__(self) -> int:
        return len(self.products)

    @property
    def left_out(self) -> list[str]:
        """Parts that the fit was to leave out (`fit.without`)."""
        fit = self.manifest["settings"].get("fit")
        parts = fit.get("without") if isinstance(fit, dict) else None
        return parts if isinstance(parts, list) else []

    def missing(self, part: str, what: str) -> BundleError:
        """The error of a query that needs a part which the bundle lacks.

        Args:
            part: of `fit.without`.
            what: it holds, such as "reverse lists".
        """
        if part in self.left_out:
            reason = f"fitted without {what} (fit.without): fit it again with the part {part!r}"
        else:
            version = self.manifest["goeswith"]
            reason = (
                f"fitted by goeswith {version}, which stored no {what}; fit it again, or update it"
            )
        return BundleError(f"{self.path} was {reason}")

    def check_k(self, k: int) -> None:
        """Refuse a `k` that the bundle does not hold.

        Raises:
            BundleError: the message states the largest possible `k`.
        """
        if not 1 <= k <= self.k:
            raise BundleError(
                f"this bundle stores {self.k} recommendations per product, but k is {k}; "
                "use a smaller k, or fit with a larger fit.k"
            )

    def substitutes(self, row: int) -> Rows:
        """Rows that are never recommended with a product: substitutes by views, or by kind."""
        viewed: Rows = self.evidence.substitutes(row)
        if not self.kinds_exclude:
            return viewed
        return np.union1d(viewed, self.kinds.substitutes(row)).astype(np.int32)

    def substitutes_among(self, row: int, others: list[int]) -> set[int]:
        """Those of a few products that `substitutes` of a product has, without the catalogue."""
        viewed = self.evidence.substitutes_among(row, others)
        return viewed | self.kinds.substitutes_among(row, others) if self.kinds_exclude else viewed

    def pair_evidence(self, source: int, targets: Rows, model_index: Rows) -> list[Evidence]:
        """Evidence of answers that the models at `model_index` gave; -1 for none of them."""
        return self.evidence.for_pairs(
            source, targets, (model_index >= 0) & self.ranks_by_type[model_index]
        )


def _purchase_unit(manifest: dict[str, Any]) -> ContextUnit | None:
    """What co-purchases were counted in; None if the manifest does not record it."""
    for entry in manifest.get("mined", []):
        if entry["relation"] == "co_purchase":
            unit: ContextUnit = entry["contexts_are"]
            return unit
    return None
