"""Pages of the reference, made from the code when the site is built."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import click
import typer.main
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from goeswith.cli.main import app
from goeswith.data.mapping.names_file import NAMES
from goeswith.kinds.table_reader import load_table
from goeswith.models.listing import list_models
from goeswith.sequential import SESSION_MODELS, TRAINED
from goeswith.settings.default_file import default_toml
from goeswith.shoppers import SHOPPER_MODELS

API = """# Python API

The names of `goeswith`, loaded when first used. Everything takes and returns product ids.

::: goeswith.api.fit
::: goeswith.api.open_bundle
::: goeswith.api.benchmark
::: goeswith.data.folder.load_data
::: goeswith.data.dataset.Dataset
::: goeswith.query.bundle.Bundle
    options:
      inherited_members: [open, check_k]
::: goeswith.query.recommendation_list.RecommendationList
::: goeswith.evaluation.benchmark_result.BenchmarkResult
::: goeswith.models.base.Recommender
    options:
      inherited_members: true
::: goeswith.core.errors
"""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages."""
    pages = {
        "reference/cli.md": command_line(),
        "reference/settings.md": settings(),
        "reference/models.md": models(),
        "reference/http.md": http(),
        "reference/api.md": API,
        "reference/kinds.md": kinds(),
        "reference/names.md": names(),
    }
    for uri, content in pages.items():
        files.append(File.generated(config, uri, content=content))
    return files


def command_line() -> str:
    """Every command with its arguments and options."""
    root = typer.main.get_command(app)
    lines = ["# Command line", "", "`goeswith COMMAND --help` prints the same.", ""]
    for name, command in _commands(root, "goeswith"):
        lines += [f"## {name}", "", (command.help or "").strip(), ""]
        context = click.Context(command, info_name=name)
        records = [parameter.get_help_record(context) for parameter in command.params]
        rows = [
            (" ".join(record[0].split()), " ".join(record[1].split()))
            for record in records
            if record
        ]
        if rows:
            lines += ["| option | meaning |", "|---|---|"]
            lines += [f"| `{_cell(option)}` | {_cell(meaning)} |" for option, meaning in rows]
        lines.append("")
    return "\n".join(lines)


def _commands(command: Any, name: str) -> Iterator[tuple[str, Any]]:
    if hasattr(command, "list_commands"):
        context = click.Context(command, info_name=name)
        for child in command.list_commands(context):
            yield from _commands(command.get_command(context, child), f"{name} {child}")
    else:
        yield name, command


def settings() -> str:
    """The project file with every setting at its default."""
    return (
        "# Settings\n\n"
        "Every setting with its meaning and default, as `goeswith config --all` prints them. "
        "[Change settings](../how-to/settings.md) explains those that most shops need.\n\n"
        f"```toml\n{default_toml()}```\n"
    )


def models() -> str:
    """A table of the models."""
    lines = ["# Models", "", "As `goeswith models` prints them.", ""]
    lines += ["| name | recommends | needs the extra | summary |", "|---|---|---|---|"]
    records = [*list_models(), *list_models(SESSION_MODELS, TRAINED), *list_models(SHOPPER_MODELS)]
    for record in records:
        lines.append(
            f"| `{record['name']}` | {record['recommends']} | {record['needs'] or ''} "
            f"| {_cell(record['summary'])} |"
        )
    return "\n".join(lines) + "\n"


def names() -> str:
    """Names of columns, events and statuses that are recognised in shop data."""
    lines = ["# Names in shop data", ""]
    lines += [
        "Names of columns, events and statuses that are recognised, without case, spaces and "
        "punctuation. [Read your own log](../how-to/shop-data.md) shows how to set others.",
        "",
    ]
    for table in ("events", "products"):
        lines += [f"## Columns of {table}", "", "| column | names, the most likely first |"]
        lines += ["|---|---|"]
        for column, common in NAMES["columns"][table].items():
            lines.append(f"| `{column}` | {_codes(common)} |")
        lines.append("")
    lines += ["## Events", "", "| event | names |", "|---|---|"]
    for event in ("view", "cart", "purchase", "ignore"):
        lines.append(f"| `{event}` | {_codes(NAMES['events'][event])} |")
    lines += ["", "## Values", "", "| meaning | texts |", "|---|---|"]
    ignored = NAMES["statuses"]["ignored"]
    lines.append(f"| part of the status of an order that does not count | {_codes(ignored)} |")
    for key, meaning in (
        ("placeholders", "missing id"),
        ("totals", "line of a total"),
        ("non_products", "line that is no product"),
        ("guests", "user id of many people"),
        ("places", "column of the shop of a receipt"),
    ):
        lines.append(f"| {meaning} | {_codes(NAMES['values'][key])} |")
    return "\n".join(lines) + "\n"


def _codes(texts: list[str]) -> str:
    return ", ".join(f"`{_cell(text)}`" for text in texts)


def kinds() -> str:
    """A table of the kinds of every department, with what goes with each."""
    table = load_table()
    every = [kind for kind in table.kinds.values() if not kind.group]
    links = sum(map(len, table.links.values()))
    lines = ["---", "search:", "  exclude: true", "---", "", "# Product kinds", ""]
    lines += [
        f"The {len(every):,} kinds of the table of this package and their {links:,} links, "
        "strongest first; kinds that nearly everyone needs are bold. `goeswith kinds show KIND` "
        "prints the reasons, alternatives and names of a kind. [Product kinds]"
        "(../explanation/kinds.md) explains the table, and [the how-to](../how-to/kinds.md) how to "
        "add to it.",
        "",
    ]
    for department in sorted({kind.department for kind in every}):
        lines += [f"## {_sentence_case(table.kinds[department].name)}", ""]
        lines += ["| kind | goes with it |", "|---|---|"]
        for kind in every:
            if kind.department == department:
                targets = [
                    f"**{table.kinds[link.target].name}**"
                    if link.strength == 3
                    else table.kinds[link.target].name
                    for link in table.links.get(kind.id, ())
                ]
                lines.append(f"| {_cell(kind.name)} | {_cell(', '.join(targets))} |")
        lines.append("")
    return "\n".join(lines)


def _sentence_case(text: str) -> str:
    return text[:1].upper() + text[1:]


def http() -> str:
    """The operations of the service, from its OpenAPI schema."""
    from goeswith.serve.openapi import service_schema

    schema = service_schema()
    lines = ["# HTTP API", "", "The service also answers with this schema at `/openapi.json`.", ""]
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            lines += [f"## {method.upper()} {path}", "", operation.get("description", ""), ""]
            parameters = operation.get("parameters", [])
            if parameters:
                lines += ["| parameter | in | meaning |", "|---|---|---|"]
                lines += [
                    f"| `{one['name']}` | {one['in']} | {_cell(one.get('description', ''))} |"
                    for one in parameters
                ]
                lines.append("")
            if "requestBody" in operation:
                lines += ["Request body:", "", _schema(operation["requestBody"], schema), ""]
            answer = operation.get("responses", {}).get("200")
            if answer:
                lines += ["Response body:", "", _schema(answer, schema), ""]
    return "\n".join(lines)


def _schema(holder: dict[str, Any], schema: dict[str, Any]) -> str:
    """The fields of a body as a table."""
    body = holder.get("content", {}).get("application/json", {}).get("schema", {})
    name = str(body.get("$ref", "")).rpartition("/")[2]
    fields = schema["components"]["schemas"].get(name, {}).get("properties", {})
    if not fields:
        return f"```json\n{json.dumps(body, indent=2)}\n```"
    rows = [f"| `{key}` | {_cell(value.get('description', ''))} |" for key, value in fields.items()]
    return "\n".join(["| field | meaning |", "|---|---|", *rows])


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
