"""The kinds of a shop's own product types: proposed by the tagger, edited by a person.

A map is a CSV file with a row a type. Its kind wins over the tagger; an empty kind leaves the
products of a type to the tagger, and `none` says that they have no kind.
"""

from __future__ import annotations

import csv
import io
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import polars as pl

from goeswith.core.errors import ConfigError, DataError
from goeswith.data.catalog import Catalog
from goeswith.data.dataset import Dataset
from goeswith.kinds.catalog_kinds import KIND, NO_KIND
from goeswith.kinds.kind_search import kind_search
from goeswith.kinds.tagger import Tag

MAP_FILE: Final = "kinds.csv"
"""The map in a shop's folder."""
COLUMNS: Final = ("type", "products", "kind", "share", "others", "examples")
MIN_SHARE: Final = 0.8
"""Share of a type's products of one kind, from which that is proposed for all of them."""
_EXAMPLES: Final = 3
_OTHERS: Final = 3
_MAX_FIELD: Final = 1 << 17
"""Characters of a field of a map."""


@dataclass(frozen=True)
class TypeKind:
    """A product type of a shop and the kind that is proposed for it.

    Attributes:
        type: of the shop.
        products: of it.
        kind: the most frequent kind of its products; empty where less than `MIN_SHARE` have it.
        share: of its products that have the most frequent kind.
        others: further kinds of its products, with their shares.
        examples: titles of its products.
    """

    type: str
    products: int
    kind: str
    share: float
    others: tuple[str, ...]
    examples: tuple[str, ...]


def types_of(catalog: Catalog) -> list[str | None]:
    """The type of every product of a catalogue; without types, its most special category."""
    types = catalog.text("type")
    if types is not None and any(types):
        return types
    if "categories" in catalog.frame.columns:
        column = catalog.frame["categories"]
        if isinstance(column.dtype, pl.List):
            return [categories[-1] if categories else None for categories in column.to_list()]
    return [None] * len(catalog)


def propose_map(catalog: Catalog, tags: Sequence[Tag]) -> list[TypeKind]:
    """A row for every type of a catalogue, those of most products first.

    Args:
        catalog: n products.
        tags: of the same, from `tag_catalog`.

    Raises:
        DataError: no product has a type or a category.
    """
    types = types_of(catalog)
    titles = catalog.text("title") or [None] * len(catalog)
    rows: dict[str, list[int]] = {}
    for row, name in enumerate(types):
        if name:
            rows.setdefault(name, []).append(row)
    if not rows:
        raise DataError(
            "no product has a type or a category, by which kinds could be mapped; add a column "
            "`type` to the products, or set a column `kind` for each product"
        )
    return [
        _type_kind(name, [tags[row] for row in members], [titles[row] or "" for row in members])
        for name, members in sorted(rows.items(), key=lambda item: (-len(item[1]), item[0]))
    ]


def _type_kind(name: str, tags: Sequence[Tag], titles: Sequence[str]) -> TypeKind:
    counts = Counter(tag.kind for tag in tags if tag.kind)
    (kind, count), *others = counts.most_common(1 + _OTHERS) or [("", 0)]
    share = count / len(tags)
    is_sure = share >= MIN_SHARE
    shown = others if is_sure else [(kind, count), *others]
    examples = dict.fromkeys(title for title in titles if title)
    return TypeKind(
        name,
        len(tags),
        kind if is_sure else "",
        round(share, 4),
        tuple(f"{other} {n / len(tags):.0%}" for other, n in shown if other),
        tuple(list(examples)[:_EXAMPLES]),
    )


def map_text(rows: Sequence[TypeKind]) -> str:
    """A map as CSV."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        others, examples = ("|".join(part) for part in (row.others, row.examples))
        writer.writerow([row.type, row.products, row.kind, row.share, others, examples])
    return out.getvalue()


def read_map(file: Path) -> dict[str, str]:
    """Type -> kind or `none`, without the types that are left to the tagger.

    Columns but `type` and `kind` are not read. A semicolon may separate them.

    Raises:
        DataError: the file cannot be read, or a row has an unknown kind or a second one for a type.
    """
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{file}: cannot be read: {error}") from error
    header = lines[0] if lines else ""
    csv.field_size_limit(_MAX_FIELD)  # of the process: other readers allow longer fields
    reader = csv.DictReader(lines, delimiter=";" if header.count(";") > header.count(",") else ",")
    try:
        rows = list(reader)
    except csv.Error as error:
        raise DataError(f"{file}:{reader.line_num + 1}: cannot be read: {error}") from error
    missing = {"type", "kind"} - set(reader.fieldnames or ())
    if missing:
        raise DataError(
            f"{file}:1: there is no column {', '.join(sorted(missing))}; `goeswith kinds map SHOP "
            f"-o {file.name}` writes a map"
        )
    kinds: dict[str, str] = {}
    for number, row in enumerate(rows, start=2):
        name, kind = (row["type"] or "").strip(), (row["kind"] or "").strip()
        if not name or not kind:
            continue
        if kind != NO_KIND:
            kind = _check_kind(kind, f"{file}:{number}")
        if kinds.setdefault(name, kind) != kind:
            raise DataError(
                f"{file}:{number}: the type {name!r} has the kinds {kinds[name]!r} and {kind!r}; "
                "leave one row"
            )
    return kinds


def _check_kind(text: str, where: str) -> str:
    try:
        kind = kind_search().get(text)
    except ConfigError as error:
        raise DataError(f"{where}: {error}; `{NO_KIND}` says that it has no kind") from error
    if kind.group:
        raise DataError(f"{where}: {kind.id!r} is a group of kinds; choose one of the kinds in it")
    return kind.id


def with_shop_kinds(dataset: Dataset, map_file: str | Path | None = None) -> Dataset:
    """A data set whose catalogue has the kinds of a map in the column `kind`.

    Args:
        dataset: of a shop.
        map_file: of the setting `kinds.map`; None reads `kinds.csv` of the shop's folder, and
            leaves the data set as it is where there is none.

    Raises:
        DataError: the map cannot be read.
    """
    if map_file is not None:
        file = Path(map_file)
    elif dataset.folder is not None and (dataset.folder / MAP_FILE).is_file():
        file = dataset.folder / MAP_FILE
    else:
        return dataset
    return replace(dataset, catalog=apply_map(dataset.catalog, read_map(file), str(file)))


def apply_map(catalog: Catalog, kinds: Mapping[str, str], file: str = MAP_FILE) -> Catalog:
    """A catalogue with the kinds of types in the column `kind`; other products keep theirs.

    Args:
        catalog: n products.
        kinds: type -> kind or `none`.
        file: for the warning about types that no product has.
    """
    types = types_of(catalog)
    unused = [name for name in kinds if name not in set(types)]
    if unused:
        warnings.warn(
            f"{file}: {len(unused)} of {len(kinds)} types are those of no product, such as "
            f"{unused[0]!r}; `goeswith kinds map` lists the types of a shop",
            stacklevel=2,
        )
    own = catalog.text(KIND) or [None] * len(catalog)
    mapped = [
        kinds.get(name, kind) if name else kind for name, kind in zip(types, own, strict=True)
    ]
    return Catalog(catalog.frame.with_columns(pl.Series(KIND, mapped, dtype=pl.String)))
