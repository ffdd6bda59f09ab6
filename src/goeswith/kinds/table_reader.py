"""Reading the table of product kinds from the package or from a folder."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias

from goeswith.core.errors import DataError
from goeswith.kinds.link_reasons import REASONS
from goeswith.kinds.table import (
    ALTERNATIVE_COLUMNS,
    AUDIENCES,
    FITS,
    KIND_COLUMNS,
    LINK_COLUMNS,
    NAME_COLUMNS,
    NEVER_COLUMNS,
    SCENE_COLUMNS,
    SCENE_GROUPS,
    USES,
    Kind,
    KindLink,
    KindTable,
    Scene,
)

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

OnProblem: TypeAlias = Callable[[str], None]
"""Called with a row that cannot be used: the file, the row and the value, and what to do."""


@lru_cache(maxsize=1)
def load_table() -> KindTable:
    """The table of this package.

    Raises:
        DataError: a row cannot be used; says the file, the row and the value.
    """
    from importlib import resources

    return read_table_folder(resources.files("goeswith.kinds") / "table")


def read_table_folder(
    folder: Traversable,
    on_problem: OnProblem | None = None,
    known: Mapping[str, Kind] | None = None,
) -> KindTable:
    """A table from a folder of its parts: `kinds`, `links`, `scenes` and so on.

    Args:
        folder: each part may be missing.
        on_problem: called for a row that cannot be used, which is left out; None raises.
        known: kinds of another table, where the folder adds to that.

    Raises:
        DataError: a row cannot be used; says the file, the row and the value.
    """
    return _TableReader(folder, on_problem or _raise, known or {}).read()


def _raise(problem: str) -> None:
    raise DataError(problem)


class _TableReader:
    def __init__(
        self, folder: Traversable, on_problem: OnProblem, known: Mapping[str, Kind]
    ) -> None:
        self._folder, self._on_problem = folder, on_problem
        self._kinds = dict(known)

    def read(self) -> KindTable:
        self._read_kinds()
        alternatives = self._read_alternatives()
        links = self._read_links()
        return KindTable(
            kinds=self._kinds,
            links={
                source: tuple(sorted(targets.values(), key=lambda link: -link.strength))
                for source, targets in links.items()
            },
            alternatives={kind: frozenset(others) for kind, others in alternatives.items()},
            never_together=self._read_never_together(),
            names=self._read_names(),
            scenes=self._read_scenes(),
        )

    def _read_kinds(self) -> None:
        for file in _files(self._folder, "kinds"):
            for where, row in self._rows(file, KIND_COLUMNS):
                kind = _kind(row, file.name.removesuffix(".csv"))
                if not kind.id:
                    self._on_problem(f"{where}: the id is empty")
                elif kind.id in self._kinds:
                    self._on_problem(f"{where}: the kind {kind.id!r} is there already")
                elif self._has_valid_columns(where, kind):
                    self._kinds[kind.id] = kind

    def _has_valid_columns(self, where: str, kind: Kind) -> bool:
        allowed = (
            ("use", (kind.use,) if kind.use else (), USES),
            ("fits", kind.fits, FITS),
            ("audience", kind.audience, AUDIENCES),
        )
        wrong = [
            f"{where}: {column} {value!r} must be one of {', '.join(values)}"
            for column, found, values in allowed
            for value in found
            if value not in values
        ]
        for problem in wrong:
            self._on_problem(problem)
        return not wrong

    def _read_alternatives(self) -> dict[str, set[str]]:
        alternatives: dict[str, set[str]] = {}
        for file in _files(self._folder, "alternatives"):
            for where, row in self._rows(file, ALTERNATIVE_COLUMNS):
                if self._are_kinds(where, row["a"], row["b"]):
                    alternatives.setdefault(row["a"], set()).add(row["b"])
                    alternatives.setdefault(row["b"], set()).add(row["a"])
        return alternatives

    def _read_links(self) -> dict[str, dict[str, KindLink]]:
        """Source -> target -> link."""
        links: dict[str, dict[str, KindLink]] = {}
        for file in _files(self._folder, "links"):
            for where, row in self._rows(file, LINK_COLUMNS):
                if self._is_link(where, row):
                    link = KindLink(
                        row["source"],
                        row["target"],
                        row["reason"],
                        int(row["strength"]),
                        _split(row["match"]),
                    )
                    links.setdefault(link.source, {})[link.target] = link
        return links

    def _is_link(self, where: str, row: Mapping[str, str]) -> bool:
        if not self._are_kinds(where, row["source"], row["target"]):
            return False
        wrong_match = [value for value in _split(row["match"]) if value not in FITS]
        problem = None
        if row["source"] == row["target"]:
            problem = "a kind cannot go with itself; use two kinds, or a narrower one"
        elif row["strength"] not in ("1", "2", "3"):
            problem = f"strength {row['strength']!r} must be 1, 2 or 3"
        elif row["reason"] not in REASONS:
            problem = f"reason {row['reason']!r} must be one of {', '.join(REASONS)}"
        elif wrong_match:
            problem = f"match {wrong_match[0]!r} must be one of {', '.join(FITS)}"
        if problem is not None:
            self._on_problem(f"{where}: {problem}")
        return problem is None

    def _read_never_together(self) -> dict[tuple[str, str], str]:
        never: dict[tuple[str, str], str] = {}
        file = self._folder / "never_together.csv"
        for where, row in self._rows(file, NEVER_COLUMNS) if file.is_file() else ():
            if not row["why"].strip():
                self._on_problem(f"{where}: the column why is empty; give the reason")
            elif self._are_kinds(where, row["a"], row["b"]):
                first, second = sorted((row["a"], row["b"]))
                never[first, second] = row["why"]
        return never

    def _read_names(self) -> dict[str, dict[str, tuple[str, ...]]]:
        """Language -> id -> names."""
        names: dict[str, dict[str, tuple[str, ...]]] = {}
        for file in _files(self._folder, "names"):
            language = names.setdefault(file.name.removesuffix(".csv"), {})
            for where, row in self._rows(file, NAME_COLUMNS):
                if self._are_kinds(where, row["id"]):
                    language[row["id"]] = _split(row["names"])
        return names

    def _read_scenes(self) -> tuple[Scene, ...]:
        scenes: dict[str, Scene] = {}
        for file in _files(self._folder, "scenes"):
            for where, row in self._rows(file, SCENE_COLUMNS):
                scene = Scene(
                    row["scene"],
                    file.name.removesuffix(".csv"),
                    _split(row["kinds"]),
                    _split(row["also"]),
                )
                ids = (*scene.kinds, *scene.also)
                groups = [kind for kind in ids if kind in self._kinds and self._kinds[kind].group]
                if scene.group not in SCENE_GROUPS:
                    self._on_problem(
                        f"{where}: the file must be named one of {', '.join(SCENE_GROUPS)}"
                    )
                elif scene.name in scenes:
                    self._on_problem(f"{where}: the scene {scene.name!r} is there already")
                elif len(set(ids)) < len(ids):
                    self._on_problem(f"{where}: the scene {scene.name!r} has a kind twice")
                elif groups:
                    self._on_problem(f"{where}: {groups[0]!r} is a group; name the kinds in it")
                elif self._are_kinds(where, *ids):
                    scenes[scene.name] = scene
        return tuple(scenes.values())

    def _rows(
        self, file: Traversable, columns: tuple[str, ...]
    ) -> Iterator[tuple[str, dict[str, str]]]:
        reader = csv.DictReader(file.read_text(encoding="utf-8").splitlines())
        if tuple(reader.fieldnames or ()) != columns:
            self._on_problem(f"{file.name}:1: the columns must be {','.join(columns)}")
            return
        for number, row in enumerate(reader, start=2):
            if None in row or None in row.values():
                self._on_problem(f"{file.name}:{number}: the row has another number of columns")
            else:
                yield f"{file.name}:{number}", row

    def _are_kinds(self, where: str, *ids: str) -> bool:
        unknown = [kind for kind in ids if kind not in self._kinds]
        for kind in unknown:
            self._on_problem(f"{where}: there is no kind {kind!r}; correct it, or add the kind")
        return not unknown


def _files(folder: Traversable, name: str) -> list[Traversable]:
    part = folder / name
    if not part.is_dir():
        return []
    return sorted(
        (file for file in part.iterdir() if file.name.endswith(".csv")), key=lambda file: file.name
    )


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
