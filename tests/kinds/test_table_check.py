"""The check of a folder: every problem, with the file, the row and the remedy."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import pytest

from goeswith.core.errors import DataError
from goeswith.kinds.table_check import check_table_folder

KINDS = """id,name,broader,synonyms,patterns,confused_with,use,fits,audience
all,all,,,,,,,
ware,ware,all,,,,,,
mug,mug,ware,,,,durable,,
cup,cup,ware,mug,,teacup,durable,,
tea,tea,all,,,,consumable,,
beer,beer,all,,,,consumable,,adults
nappy,nappy,all,,,,consumable,,baby
loop,loop,loop,,,,durable,,
"""


def write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        path = folder / f"{name.replace('__', '/')}.csv"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def test_the_table_of_the_package_has_no_problem() -> None:
    table, problems = check_table_folder(resources.files("goeswith.kinds") / "table")
    assert problems == []
    assert len(table.never_together) >= 30


def test_all_problems_are_named_at_once(tmp_path: Path) -> None:
    links = "source,target,reason,strength,match\n"
    rows = ["mug,tea,ingredient,4,", "mug,mug,care,1,", "mug,nothing,care,1,", "mug,tea,why,1,"]
    rows += ["tea,ware,care,1,", "mug,cup,care,1,", "beer,nappy,care,1,", "mug,tea,care,1,size"]
    rows += ["mug,tea,care,1,length", "mug,tea"]
    folder = write(
        tmp_path,
        kinds__all=KINDS,
        links__all=links + "\n".join(rows) + "\n",
        alternatives__all="a,b\nmug,cup\n",
        never_together="a,b,why\nmug,tea,\n",
        names__de="id,names\nsaucer,Untertasse\n",
    )
    _, problems = check_table_folder(folder)
    for text in (
        "all.csv:2: strength '4' must be 1, 2 or 3",
        "all.csv:3: a kind cannot go with itself",
        "all.csv:4: there is no kind 'nothing'",
        "all.csv:5: reason 'why' must be one of",
        "all.csv:10: match 'length' must be one of",
        "all.csv:11: the row has another number of columns",
        "links: tea,ware: 'ware' is a group",
        "links: mug,cup: the two are alternatives",
        "links: beer,nappy: the two are never shown together (wrong audience",
        "never_together.csv:2: the column why is empty",
        "de.csv:2: there is no kind 'saucer'",
        "cup: confused_with has 'teacup'",
        "cup: the phrase 'mug' also names 'mug'",
        "loop: its broader kinds lead back to 'loop'",
    ):
        assert any(text in problem for problem in problems), (text, problems)
    assert len(problems) == 14


def test_additions_are_checked_against_the_table_of_the_package(tmp_path: Path) -> None:
    header = "source,target,reason,strength,match\n"
    write(tmp_path, links__mine=f"{header}teapot,bleach,care,1,\nteapot,tea_set,set_piece,1,\n")
    table, problems = check_table_folder(tmp_path)
    assert sum(map(len, table.links.values())) == 2
    assert problems == [
        "links: teapot,tea_set: the two are alternatives; remove the link or the alternative"
    ]


def test_other_columns_and_other_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is not a folder with a table of kinds"):
        check_table_folder(tmp_path)
    write(tmp_path, links__mine="from,to\na,b\n")
    _, problems = check_table_folder(tmp_path)
    assert problems == ["mine.csv:1: the columns must be source,target,reason,strength,match"]
