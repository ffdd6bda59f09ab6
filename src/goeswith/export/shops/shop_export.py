"""Complements of every product for a shop system, or only those that changed since an export.

An export writes a file beside its own, `NAME.state.parquet`, with a digest of each list. A later
one compares with it, so that the shop imports the changed products alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from goeswith.core.atomic_files import atomic_path
from goeswith.core.errors import ConfigError
from goeswith.core.storage_errors import explain_storage_errors
from goeswith.export.recommendation_files import atomic_export
from goeswith.export.shops.shop_format import ProductList, ShopFormat

if TYPE_CHECKING:
    from goeswith.export.recommendation_rows import RecommendationRows
    from goeswith.query.bundle import Bundle

_NOT_BOUGHT: Final = "pairs that no customer bought together"
_REPEATED: Final = "another product has the same value"


@dataclass
class ShopExport:
    """Counts of one export.

    Attributes:
        written: products in the file.
        cleared: those of them whose old complements the file removes.
        unchanged: products that are left out because their list is that of the earlier export.
        complements: in the file.
        left_out: reason -> how many ids or pairs are left out for it, and the first of them.
    """

    written: int = 0
    cleared: int = 0
    unchanged: int = 0
    complements: int = 0
    left_out: dict[str, tuple[int, str]] = field(default_factory=dict)

    def leave_out(self, reason: str, example: str) -> None:
        """Count something that is left out."""
        count, first = self.left_out.get(reason, (0, example))
        self.left_out[reason] = count + 1, first


def state_path(path: Path) -> Path:
    """The file with the digests of an export."""
    return path.with_name(f"{path.name}.state.parquet")


def export_to_shop(
    rows: RecommendationRows,
    shop: ShopFormat,
    path: Path,
    *,
    id_column: str | None = None,
    since: Path | None = None,
) -> ShopExport:
    """Write the file of a shop, and the digests beside it.

    Args:
        rows: recommendations.
        shop: the format.
        path: the file; one that exists is replaced.
        id_column: attribute of the catalogue with the id that the shop uses; None for the product
            id.
        since: digests of an earlier export; only products with another list are written.

    Raises:
        ConfigError: there is no such attribute, the shop can take no id, or `since` is of another
            export.
    """
    counts = ShopExport()
    before = {} if since is None else _read_state(since, shop, id_column)
    ids = _shop_ids(rows.bundle, shop, id_column, counts)
    if not ids:
        reason = next(iter(counts.left_out), "the bundle has no products")
        raise ConfigError(
            f"--to {shop.name}: no product has an id that can be written: {reason}; name the "
            "attribute of the catalogue that has it with --id-column"
        )
    digests: dict[str, str] = {}
    with atomic_export(path) as beside, beside.open("w", encoding="utf-8", newline="") as file:
        lists = _changed(_shop_lists(rows, shop, ids, counts), before, digests, counts)
        file.writelines(shop.text(_counted(lists, counts), rows.k))
    with explain_storage_errors(path, ""):
        _write_state(state_path(path), shop, id_column, digests)
    return counts


def _shop_ids(
    bundle: Bundle, shop: ShopFormat, id_column: str | None, counts: ShopExport
) -> dict[str, str]:
    """Product id -> id of the shop, without the products that it cannot take."""
    product_ids = [bundle.products.ids[row] for row in range(len(bundle))]
    values: list[Any] = product_ids
    if id_column is not None:
        import polars as pl

        frame = bundle.table.frame
        if id_column not in frame.columns:
            columns = ", ".join(name for name in frame.columns if name != "product_id")
            raise ConfigError(
                f"--id-column {id_column}: the catalogue has {columns or 'no others'}"
            )
        if not (frame.schema[id_column].is_integer() or frame.schema[id_column] == pl.String):
            raise ConfigError(f"--id-column {id_column}: its values are neither text nor integers")
        values = frame[id_column].to_list()
    ids: dict[str, str] = {}
    taken: set[str] = set()
    for product_id, value in zip(product_ids, values, strict=True):
        problem = "no value" if value is None else shop.id_problem(str(value))
        if problem is None and str(value) in taken:
            problem = _REPEATED
        if problem is not None:
            counts.leave_out(problem, product_id)
            continue
        ids[product_id] = str(value)
        taken.add(str(value))
    return ids


def _shop_lists(
    rows: RecommendationRows, shop: ShopFormat, ids: dict[str, str], counts: ShopExport
) -> Iterator[ProductList]:
    """The list of every product that has one, by the ids of the shop."""
    columns = ["source_id", "target_id", "bought_together"]
    for batch in rows:
        answers = batch.select(columns).to_pylist()
        for source_id, group in groupby(answers, key=lambda row: row["source_id"]):
            if source_id not in ids:
                continue
            complements = []
            for row in group:
                if shop.only_bought_together and not row["bought_together"]:
                    counts.leave_out(_NOT_BOUGHT, f"{source_id} and {row['target_id']}")
                elif row["target_id"] in ids:
                    complements.append(ids[row["target_id"]])
            if complements:
                yield ProductList(ids[source_id], complements)


def _changed(
    lists: Iterator[ProductList],
    before: dict[str, str],
    digests: dict[str, str],
    counts: ShopExport,
) -> Iterator[ProductList]:
    """Lists that differ from the earlier export, then empty ones for those that are gone."""
    for item in lists:
        text = "\0".join(item.complements).encode()
        digests[item.product_id] = hashlib.sha256(text).hexdigest()[:16]
        if before.get(item.product_id) == digests[item.product_id]:
            counts.unchanged += 1
        else:
            yield item
    for product_id in before:
        if product_id not in digests:
            counts.cleared += 1
            yield ProductList(product_id, [])


def _counted(lists: Iterator[ProductList], counts: ShopExport) -> Iterator[ProductList]:
    for item in lists:
        counts.written += 1
        counts.complements += len(item.complements)
        yield item


def _write_state(
    path: Path, shop: ShopFormat, id_column: str | None, digests: dict[str, str]
) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    metadata = {"goeswith.export": shop.name, "goeswith.id_column": id_column or ""}
    table = pa.table(
        {
            "product_id": pa.array(list(digests), pa.string()),
            "digest": pa.array(list(digests.values()), pa.string()),
        }
    ).replace_schema_metadata(metadata)
    with atomic_path(path) as beside:
        pq.write_table(table, beside, compression="zstd")


def _read_state(path: Path, shop: ShopFormat, id_column: str | None) -> dict[str, str]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    remedy = f"--since takes the NAME.state.parquet of an earlier export --to {shop.name}"
    try:
        table = pq.read_table(path)
        metadata = table.schema.metadata or {}
        columns = [table["product_id"].to_pylist(), table["digest"].to_pylist()]
    except (OSError, pa.ArrowInvalid, KeyError) as error:
        raise ConfigError(f"{path} cannot be read ({error}); {remedy}") from None
    exported = (
        metadata.get(b"goeswith.export", b"").decode(),
        (metadata.get(b"goeswith.id_column", b"").decode()),
    )
    if exported != (shop.name, id_column or ""):
        raise ConfigError(
            f"{path} is of an export --to {exported[0] or '?'} with --id-column "
            f"{exported[1] or 'unset'}; {remedy} with the same --id-column"
        )
    return dict(zip(*columns, strict=True))
