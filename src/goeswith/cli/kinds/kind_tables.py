"""`goeswith kinds list|show|search|explain|check`: what is in the table of kinds."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from goeswith.cli.options import Json

if TYPE_CHECKING:
    from goeswith.cli.terminal_table import Table

_ALL = "all"


def list_kinds(
    department: Annotated[
        str | None,
        typer.Argument(metavar="DEPARTMENT", help="A department, or `all` for every kind."),
    ] = None,
    json: Json = False,
) -> None:
    """List the departments, or the kinds of one.

        goeswith kinds list kitchen_dining

    `all` lists every kind.
    """
    from goeswith.cli.output import Output
    from goeswith.cli.terminal_table import Column, Table
    from goeswith.core.errors import ConfigError
    from goeswith.kinds.kind_record import kind_summary
    from goeswith.kinds.table import VERSION
    from goeswith.kinds.table_reader import load_table

    table = load_table()
    kinds = [kind for kind in table.kinds.values() if not kind.group]
    counts = Counter(kind.department for kind in kinds)
    if department is None:
        links = Counter(table.kinds[source].department for source in table.links)
        departments = [
            {"department": name, "name": table.kinds[name].name, "kinds": count}
            | {
                "links": sum(
                    len(found)
                    for source, found in table.links.items()
                    if table.kinds[source].department == name
                ),
                "kinds_with_links": links[name],
            }
            for name, count in sorted(counts.items())
        ]
        Output(json).result(
            Table("Departments", departments), {"version": VERSION, "departments": departments}
        )
        return
    if department not in counts and department != _ALL:
        raise ConfigError(
            f"there is no department {department!r}; they are {', '.join(sorted(counts))}"
        )
    records = [
        {
            **kind_summary(kind),
            "use": kind.use,
            "goes_with": len(table.links.get(kind.id, ())),
        }
        for kind in kinds
        if department in (_ALL, kind.department)
    ]
    columns = [
        Column("id", min_width=24),
        Column("name", min_width=20),
        Column("broader", drop=2),
        Column("use", drop=1, min_width=10),
        Column("goes_with"),
    ]
    result = Table(f"Kinds of {department}", records, columns)
    Output(json).result(result, {"version": VERSION, "kinds": records})


def show(
    kind: Annotated[
        list[str], typer.Argument(metavar="KIND", help="The id of a kind, or a name of it.")
    ],
    json: Json = False,
) -> None:
    """Show a kind: its names, what goes with it and why, and its alternatives.

        goeswith kinds show teapot

    An unknown id is answered with the nearest ones.
    """
    from goeswith.cli.output import Output
    from goeswith.cli.terminal_table import Column, Table, pairs_table
    from goeswith.kinds.kind_record import kind_record
    from goeswith.kinds.kind_search import kind_search

    search_index = kind_search()
    table = search_index.table
    record = kind_record(table, search_index.get(" ".join(kind)))
    columns = [
        Column("kind", lambda link: link["name"], min_width=20),
        Column("reason", min_width=12),
        Column("strength"),
        Column("has to match", lambda link: ", ".join(link["match"]), drop=1),
        Column("id", drop=2, min_width=20),
    ]
    fields = ("id", "name", "reason", "strength", "match")
    goes_with = Table("Goes with it", record["goes_with"], columns, fields)
    shown: list[Table | str] = [pairs_table(f"Kind {record['id']}", _facts(record)), goes_with]
    if record["group"]:
        members = [one for one in table.kinds.values() if one.broader == record["id"]]
        records = [{"id": one.id, "name": one.name} for one in members]
        goes_with = Table("Kinds in it", records, fields=("id", "name"))
        record["members"] = records
        shown[1] = goes_with
    Output(json).result(goes_with, record, shown)


def _facts(record: dict[str, Any]) -> dict[str, Any]:
    def ids(key: str) -> str:
        return ", ".join(one["id"] for one in record[key])

    facts = {
        "name": record["name"],
        "department": record["department"],
        "broader kinds": ", ".join(record["path"]),
        "other names": ", ".join(record["synonyms"]),
        **{language: ", ".join(names) for language, names in record["names"].items()},
        "use": record["use"],
        "for": ", ".join(record["audience"]),
        "has to match": ", ".join(record["fits"]),
        "alternatives": ids("alternatives"),
        "recommended for": ids("recommended_for"),
        "never shown with": "; ".join(
            f"{one['id']} ({one['why']})" for one in record["never_together"]
        ),
    }
    return {name: value for name, value in facts.items() if value}


def search(
    text: Annotated[
        list[str],
        typer.Argument(
            metavar="WORD...", help="Words of a name, in any of the languages of the table."
        ),
    ],
    k: Annotated[int, typer.Option("-k", min=1, max=1000, metavar="N", help="How many.")] = 20,
    json: Json = False,
) -> None:
    """Find kinds by their names.

        goeswith kinds search phone case

    `goeswith kinds explain` finds the kind of a title.
    """
    from goeswith.cli.output import Output
    from goeswith.cli.terminal_table import Column, Table
    from goeswith.kinds.kind_record import kind_summary
    from goeswith.kinds.kind_search import kind_search

    query = " ".join(text)
    records = [kind_summary(kind) for kind in kind_search().search(query, k)]
    columns = [Column("id", min_width=20), Column("name"), Column("department", drop=1)]
    fields = ("id", "name", "department", "broader", "group")
    output = Output(json)
    result = Table(f"Kinds for {query}", records, columns, fields)
    output.result(result, {"query": query, "kinds": records}, [result] if records else [])
    if not records:
        output.say(f"no kind has a name like {query!r}; `goeswith kinds list` shows departments")


def explain(
    title: Annotated[list[str], typer.Argument(metavar="TITLE", help="A product's title.")],
    type_: Annotated[
        str | None,
        typer.Option("--type", metavar="TYPE", help="Product type of the shop, read as well."),
    ] = None,
    category_first: Annotated[
        bool,
        typer.Option(
            "--category-first", help="The title begins with a category: 'Soups, Lentil Soup'."
        ),
    ] = False,
    json: Json = False,
) -> None:
    """Explain the kind of a title: every phrase in it, where it stands, and what it counts.

        goeswith kinds explain "Slim leather case for the Samsung Galaxy S4"

    Phrases in other languages count only where no English phrase decides.
    """
    from dataclasses import asdict

    from goeswith.cli.output import Output
    from goeswith.cli.terminal_table import Column, Table
    from goeswith.kinds.tagger import shared_tagger

    text = " ".join(title)
    tagger = shared_tagger()
    tag = tagger.tag(text, type_, category_first=category_first)
    matches = [asdict(match) for match in tagger.matches(text, category_first=category_first)]
    matches += [asdict(match) for match in tagger.foreign_matches(text)]
    columns = [
        Column("phrase", lambda match: match["text"]),
        Column("kind", min_width=20),
        Column("position", drop=1, min_width=9),
        Column("score"),
        Column("language", drop=2, min_width=3),
    ]
    fields = ("text", "kind", "position", "score", "language")
    result = Table("Phrases", matches, columns, fields)
    name = tagger.table.kinds[tag.kind].name if tag.kind else None
    document = {"title": text, "type": type_, **asdict(tag), "name": name, "phrases": matches}
    output = Output(json)
    output.say(_sentence(tag.kind, name, tag.confidence, tag.runner_up, tag.source, tag.phrase))
    output.result(result, document, [result] if matches else [])


def _sentence(
    kind: str | None,
    name: str | None,
    confidence: float,
    runner_up: str | None,
    source: str,
    phrase: str,
) -> str:
    if kind is None:
        return "no kind: no phrase of the table matches the title clearly"
    second = f"; next is {runner_up}" if runner_up else ""
    return f"{kind} ({name}), confidence {confidence:.2f}, by {phrase!r} in the {source}{second}"


def check(
    folder: Annotated[
        Path | None,
        typer.Argument(
            metavar="FOLDER",
            help="A table, or additions to it without a folder `kinds`; without it, the table of "
            "this package.",
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Check a table of kinds: every row, and that no two rows contradict each other.

        goeswith kinds check my-table

    Ends with an error if there is a problem.
    """
    from importlib import resources

    from goeswith.cli.output import Output
    from goeswith.cli.terminal_table import Table
    from goeswith.kinds.table_check import check_table_folder

    path = folder or resources.files("goeswith.kinds") / "table"
    table, problems = check_table_folder(path)
    counts = {
        "kinds": sum(not kind.group for kind in table.kinds.values()),
        "links": sum(map(len, table.links.values())),
        "alternatives": sum(map(len, table.alternatives.values())) // 2,
        "never_together": len(table.never_together),
        "names": sum(map(len, table.names.values())),
    }
    records = [{"problem": problem} for problem in problems]
    result = Table("Problems", records, fields=("problem",))
    summary = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in counts.items())
    output = Output(json)
    document = {"folder": str(path), **counts, "problems": problems}
    output.result(result, document, [result] if problems else [])
    output.say(f"{path}: {summary}; {len(problems)} problems")
    if problems:
        raise typer.Exit(1)
