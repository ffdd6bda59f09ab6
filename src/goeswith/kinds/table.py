"""The table of product kinds: names, what goes with what, and what replaces what.

It is plain CSV under `table/` (CC0), a file a department, written from general knowledge: it is
knowledge, and never evidence of what a shop's customers did.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Final

from goeswith.core.errors import DataError

VERSION: Final = "1.0"
"""Of the table's content; a manifest records it."""

REASONS: Final = (
    "accessory",
    "consumable",
    "part",
    "power",
    "protection",
    "storage",
    "care",
    "installation",
    "ingredient",
    "served_with",
    "set_piece",
    "outfit",
    "occasion",
    "gift_wrap",
)
FITS: Final = (
    "device",
    "model",
    "brand",
    "size",
    "mount",
    "voltage",
    "connector",
    "dimensions",
    "diet",
    "age",
    "skin",
    "hair",
    "vehicle",
    "material",
    "format",
    "colour",
    "species",
    "gender",
)
"""What may have to match between a product and one that goes with it."""
AUDIENCES: Final = (
    "women",
    "men",
    "girls",
    "boys",
    "baby",
    "kids",
    "adults",
    "dog",
    "cat",
    "bird",
    "fish",
    "small_animal",
    "horse",
)


@dataclass(frozen=True)
class Kind:
    """A kind of product: products that a shopper would take one instead of the other.

    Attributes:
        id: stable, snake_case.
        name: what a person calls it.
        department: the file that holds it.
        broader: id of the next broader kind; None for a department.
        synonyms: other names.
        patterns: further phrases by which titles name it (see `phrases.Phrase`).
        confused_with: ids of kinds that are easily mixed up with it.
        use: durable, consumable, or None for a group that no product has.
        fits: what a product that goes with it has to match.
        audience: whom it is for, where that is restricted.
    """

    id: str
    name: str
    department: str
    broader: str | None
    synonyms: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    confused_with: tuple[str, ...] = ()
    use: str | None = None
    fits: tuple[str, ...] = ()
    audience: tuple[str, ...] = ()

    @property
    def group(self) -> bool:
        """Whether it only groups other kinds."""
        return self.use is None


@dataclass(frozen=True)
class KindLink:
    """A kind that goes with another, in this direction.

    Attributes:
        source: shoppers of it are shown
        target: this.
        reason: one of `REASONS`.
        strength: 3 where nearly everyone needs it, 2 where it is common, 1 where it is plausible.
        match: what has to match, of `FITS`.
    """

    source: str
    target: str
    reason: str
    strength: int
    match: tuple[str, ...] = ()


@dataclass(frozen=True)
class KindTable:
    """Kinds and how they relate.

    Attributes:
        kinds: id -> kind, groups too.
        links: source id -> what goes with it, strongest first.
        alternatives: id -> ids of kinds that replace it; symmetric.
        never_together: pairs of ids, smaller first -> why they are never shown together.
    """

    kinds: Mapping[str, Kind]
    links: Mapping[str, tuple[KindLink, ...]] = field(default_factory=dict)
    alternatives: Mapping[str, frozenset[str]] = field(default_factory=dict)
    never_together: Mapping[tuple[str, str], str] = field(default_factory=dict)

    def link(self, source: str, target: str) -> KindLink | None:
        """The link from one kind to another; None where there is none."""
        return self._by_pair.get((source, target))

    @cached_property
    def _by_pair(self) -> dict[tuple[str, str], KindLink]:
        return {(link.source, link.target): link for links in self.links.values() for link in links}

    def replaces(self, kind: str, other: str) -> bool:
        """Whether products of the two are substitutes: of one kind, or of alternative kinds."""
        return kind == other or other in self.alternatives.get(kind, ())

    def forbidden(self, kind: str, other: str) -> str | None:
        """Why two kinds are never shown together; None where they may be."""
        pair = (kind, other) if kind < other else (other, kind)
        return self.never_together.get(pair)

    def path(self, kind: str) -> list[str]:
        """The kind and its broader kinds, up to the department."""
        found = [kind]
        while (broader := self.kinds[found[-1]].broader) is not None:
            found.append(broader)
        return found


@lru_cache(maxsize=1)
def load_table() -> KindTable:
    """The table of this package.

    Raises:
        DataError: a row cannot be used; says the file, the row and the value.
    """
    return read_table_folder(resources.files("goeswith.kinds") / "table")


def read_table_folder(folder: Traversable) -> KindTable:
    """A table from a folder with `kinds`, `links`, `alternatives` and `never_together.csv`.

    Raises:
        DataError: a row cannot be used; says the file, the row and the value.
    """
    kinds = _read_kinds(folder)
    alternatives = _read_alternatives(folder, kinds)
    links = _read_links(folder, kinds)
    return KindTable(
        kinds=kinds,
        links={
            source: tuple(sorted(found.values(), key=lambda link: -link.strength))
            for source, found in links.items()
        },
        alternatives={kind: frozenset(found) for kind, found in alternatives.items()},
        never_together=_read_never_together(folder, kinds),
    )


def _read_kinds(folder: Traversable) -> dict[str, Kind]:
    kinds: dict[str, Kind] = {}
    for file in _files(folder, "kinds"):
        for where, row in _rows(file):
            kind = _kind(row, file.name.removesuffix(".csv"))
            if kind.id in kinds:
                raise DataError(f"{where}: the kind {kind.id!r} is there already")
            kinds[kind.id] = kind
    return kinds


def _read_alternatives(folder: Traversable, kinds: Mapping[str, Kind]) -> dict[str, set[str]]:
    alternatives: dict[str, set[str]] = {}
    for file in _files(folder, "alternatives"):
        for where, row in _rows(file):
            _check_known(where, kinds, row["a"], row["b"])
            alternatives.setdefault(row["a"], set()).add(row["b"])
            alternatives.setdefault(row["b"], set()).add(row["a"])
    return alternatives


def _read_links(folder: Traversable, kinds: Mapping[str, Kind]) -> dict[str, dict[str, KindLink]]:
    """Source -> target -> link."""
    links: dict[str, dict[str, KindLink]] = {}
    for file in _files(folder, "links"):
        for where, row in _rows(file):
            link = KindLink(
                row["source"],
                row["target"],
                row["reason"],
                _strength(where, row),
                _split(row["match"]),
            )
            _check_known(where, kinds, link.source, link.target)
            if link.reason not in REASONS:
                raise DataError(
                    f"{where}: reason {link.reason!r} must be one of {', '.join(REASONS)}"
                )
            links.setdefault(link.source, {})[link.target] = link
    return links


def _read_never_together(
    folder: Traversable, kinds: Mapping[str, Kind]
) -> dict[tuple[str, str], str]:
    never = {}
    file = folder / "never_together.csv"
    for where, row in _rows(file) if file.is_file() else ():
        _check_known(where, kinds, row["a"], row["b"])
        first, second = sorted((row["a"], row["b"]))
        never[first, second] = row["why"]
    return never


def _strength(where: str, row: Mapping[str, str]) -> int:
    if row["strength"] not in ("1", "2", "3"):
        raise DataError(f"{where}: strength {row['strength']!r} must be 1, 2 or 3")
    return int(row["strength"])


def _files(folder: Traversable, name: str) -> list[Traversable]:
    part = folder / name
    if not part.is_dir():
        return []
    return sorted(
        (file for file in part.iterdir() if file.name.endswith(".csv")), key=lambda file: file.name
    )


def _rows(file: Traversable) -> Iterator[tuple[str, dict[str, str]]]:
    lines = file.read_text(encoding="utf-8").splitlines()
    for number, row in enumerate(csv.DictReader(lines), start=2):
        if None in row or None in row.values():
            raise DataError(f"{file.name}:{number}: the row has another number of columns")
        yield f"{file.name}:{number}", row


def _check_known(where: str, kinds: Mapping[str, Kind], *ids: str) -> None:
    for kind in ids:
        if kind not in kinds:
            raise DataError(f"{where}: there is no kind {kind!r}; correct it, or add the kind")


def _kind(row: Mapping[str, str], department: str) -> Kind:
    return Kind(
        id=row["id"],
        name=row["name"],
        department=department,
        broader=row["broader"] or None,
        synonyms=_split(row["synonyms"]),
        patterns=_split(row["patterns"]),
        confused_with=_split(row["confused_with"]),
        use=row["use"] or None,
        fits=_split(row["fits"]),
        audience=_split(row["audience"]),
    )


def _split(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split("|") if part.strip())
