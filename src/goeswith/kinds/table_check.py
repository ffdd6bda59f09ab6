"""A check of a folder of the table: every row, and that no two rows contradict each other."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources.abc import Traversable

from goeswith.core.errors import DataError
from goeswith.kinds.phrases import Phrase
from goeswith.kinds.table import Kind, KindTable
from goeswith.kinds.table_reader import load_table, read_table_folder

_PARTS = ("kinds", "links", "alternatives", "names", "scenes", "never_together.csv")


def check_table_folder(folder: Traversable) -> tuple[KindTable, list[str]]:
    """The table of a folder, and every problem of it.

    A folder without `kinds` adds to the table of this package: its rows name kinds of that.

    Args:
        folder: that may hold `kinds`, `links`, `alternatives`, `names`, `scenes` and
            `never_together.csv`.

    Raises:
        DataError: the folder holds none of them.
    """
    if not any((folder / part).is_dir() or (folder / part).is_file() for part in _PARTS):
        raise DataError(
            f"{folder} is not a folder with a table of kinds: it has none of {', '.join(_PARTS)}; "
            "docs/explanation/kinds.md describes the files"
        )
    problems: list[str] = []
    if (folder / "kinds").is_dir():
        table = read_table_folder(folder, problems.append)
        problems += [*_kind_problems(table), *_phrase_problems(table)]
        problems += _link_problems(table, table)
    else:
        base = load_table()
        table = read_table_folder(folder, problems.append, base.kinds)
        problems += _link_problems(table, _joined(base, table))
    return table, problems


def _joined(base: KindTable, more: KindTable) -> KindTable:
    kinds = base.alternatives.keys() | more.alternatives.keys()
    none: frozenset[str] = frozenset()
    return KindTable(
        kinds=base.kinds,
        alternatives={
            kind: base.alternatives.get(kind, none) | more.alternatives.get(kind, none)
            for kind in kinds
        },
        never_together={**base.never_together, **more.never_together},
    )


def _kind_problems(table: KindTable) -> Iterator[str]:
    for kind in table.kinds.values():
        where = f"kinds/{kind.department}.csv: {kind.id}"
        if not kind.name:
            yield f"{where}: the name is empty"
        for other in kind.confused_with:
            if other not in table.kinds:
                yield f"{where}: confused_with has {other!r}, which is not a kind"
        yield from _broader_problems(table, kind, where)


def _broader_problems(table: KindTable, kind: Kind, where: str) -> Iterator[str]:
    visited = {kind.id}
    at = kind
    while at.broader is not None:
        if at.broader not in table.kinds:
            yield f"{where}: the broader kind {at.broader!r} is not a kind"
            return
        if at.broader in visited:
            yield f"{where}: its broader kinds lead back to {at.broader!r}"
            return
        visited.add(at.broader)
        at = table.kinds[at.broader]
    if at.id != kind.department:
        yield f"{where}: its broader kinds end in {at.id!r}; they must end in {kind.department!r}"


def _phrase_problems(table: KindTable) -> Iterator[str]:
    owner: dict[Phrase, str] = {}
    for kind in table.kinds.values():
        if kind.group:
            continue
        for text in dict.fromkeys([kind.name, *kind.synonyms, *kind.patterns]):
            phrase = Phrase.from_text(text)
            if not phrase.anchor:
                yield f"kinds/{kind.department}.csv: {kind.id}: the phrase {text!r} has no word"
            elif not phrase.weak and owner.setdefault(phrase, kind.id) != kind.id:
                yield (
                    f"kinds/{kind.department}.csv: {kind.id}: the phrase {text!r} also names "
                    f"{owner[phrase]!r}; leave it to one of the two"
                )


def _link_problems(table: KindTable, complete: KindTable) -> Iterator[str]:
    for links in table.links.values():
        for link in links:
            where = f"links: {link.source},{link.target}"
            for kind in (link.source, link.target):
                if complete.kinds[kind].group:
                    yield f"{where}: {kind!r} is a group; link the kinds in it"
            if complete.replaces(link.source, link.target):
                yield f"{where}: the two are alternatives; remove the link or the alternative"
            why = complete.forbidden(link.source, link.target)
            if why is not None:
                yield f"{where}: the two are never shown together ({why}); remove the link"
