"""The table of kinds: what every row has to keep."""

from __future__ import annotations

from pathlib import Path

import pytest

from goeswith.core.errors import DataError
from goeswith.kinds.link_reasons import REASONS
from goeswith.kinds.phrases import Phrase
from goeswith.kinds.table import AUDIENCES, FITS, SCENE_GROUPS, KindTable
from goeswith.kinds.table_reader import load_table, read_table_folder


@pytest.fixture(scope="module")
def table() -> KindTable:
    return load_table()


def test_the_table_is_large_enough(table: KindTable) -> None:
    kinds = [kind for kind in table.kinds.values() if not kind.group]
    assert len(kinds) >= 1200
    assert sum(map(len, table.links.values())) >= 10_000
    departments = {kind.department for kind in kinds}
    assert len(departments) >= 18


def test_every_kind_has_a_way_up_to_its_department(table: KindTable) -> None:
    for kind in table.kinds.values():
        path = table.path(kind.id)
        assert path[-1] == kind.department
        assert len(path) == len(set(path))
        assert all(table.kinds[broader].department == kind.department for broader in path)


def test_links_and_alternatives_resolve_and_never_contradict(table: KindTable) -> None:
    for source, links in table.links.items():
        targets = [link.target for link in links]
        assert len(targets) == len(set(targets)), source
        for link in links:
            assert link.source == source != link.target
            assert not table.kinds[source].group
            assert not table.kinds[link.target].group
            assert link.reason in REASONS
            assert link.strength in (1, 2, 3)
            assert set(link.match) <= set(FITS)
            assert not table.replaces(source, link.target), (source, link.target)
            assert table.forbidden(source, link.target) is None, (source, link.target)


def test_alternatives_are_symmetric(table: KindTable) -> None:
    for kind, others in table.alternatives.items():
        assert kind not in others
        for other in others:
            assert kind in table.alternatives[other]


def test_columns_hold_known_values_only(table: KindTable) -> None:
    for kind in table.kinds.values():
        assert set(kind.fits) <= set(FITS)
        assert set(kind.audience) <= set(AUDIENCES)
        assert kind.use in ("durable", "consumable", None)
        assert set(kind.confused_with) <= set(table.kinds), kind.id


def test_no_phrase_names_two_kinds(table: KindTable) -> None:
    owner: dict[Phrase, str] = {}
    for kind in table.kinds.values():
        for text in dict.fromkeys([kind.name, *kind.synonyms, *kind.patterns]):
            phrase = Phrase.from_text(text)
            if kind.group or phrase.weak:
                continue
            assert owner.setdefault(phrase, kind.id) == kind.id, (text, kind.id, owner[phrase])


@pytest.mark.parametrize(
    ("file", "line", "message"),
    [
        ("links/a.csv", "mug,nothing,accessory,3,", "a.csv:2: there is no kind 'nothing'"),
        ("links/a.csv", "mug,tea,accessory,4,", "a.csv:2: strength '4' must be 1, 2 or 3"),
        ("links/a.csv", "mug,tea,because,3,", "a.csv:2: reason 'because' must be one of"),
        ("links/a.csv", "mug,tea", "a.csv:2: the row has another number of columns"),
    ],
)
def test_a_wrong_row_is_named(tmp_path: Path, file: str, line: str, message: str) -> None:
    (tmp_path / "kinds").mkdir()
    (tmp_path / "links").mkdir()
    header = "id,name,broader,synonyms,patterns,confused_with,use,fits,audience\n"
    rows = "all,all,,,,,,,\nmug,mug,all,,,,durable,,\ntea,tea,all,,,,consumable,,\n"
    (tmp_path / "kinds" / "all.csv").write_text(header + rows, encoding="utf-8")
    (tmp_path / file).write_text(f"source,target,reason,strength,match\n{line}\n", encoding="utf-8")
    with pytest.raises(DataError, match=message):
        read_table_folder(tmp_path)


def test_scenes_have_kinds_that_may_be_shown_together(table: KindTable) -> None:
    assert {scene.group for scene in table.scenes} == set(SCENE_GROUPS)
    for scene in table.scenes:
        kinds = [*scene.kinds, *scene.also]
        assert len(scene.kinds) >= 2
        assert len(kinds) == len(set(kinds)), scene.name
        assert not any(table.kinds[kind].group for kind in kinds), scene.name


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("room,a|a,", "has a kind twice"),
        ("room,a|nothing,", "there is no kind 'nothing'"),
        ("room,a,top", "'top' is a group"),
    ],
)
def test_a_wrong_scene_is_named(tmp_path: Path, row: str, problem: str) -> None:
    (tmp_path / "kinds").mkdir()
    (tmp_path / "scenes").mkdir()
    header = "id,name,broader,synonyms,patterns,confused_with,use,fits,audience\n"
    kinds = "top,top,,,,,,,\na,a thing,top,,,,durable,,\n"
    (tmp_path / "kinds" / "top.csv").write_text(header + kinds, encoding="utf-8")
    (tmp_path / "scenes" / "rooms.csv").write_text(f"scene,kinds,also\n{row}\n", encoding="utf-8")
    with pytest.raises(DataError, match=problem):
        read_table_folder(tmp_path)
