"""`goeswith inspect`: contents of a bundle, and a check of its files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from goeswith.cli.options import BundlePath, Json

if TYPE_CHECKING:
    from goeswith.cli.terminal_table import Table
    from goeswith.query.bundle import Bundle


def command(bundle: BundlePath, json: Json = False) -> None:
    """Show the data, models and coverage of a bundle, and check every file of it.

        goeswith inspect bundle

    `--json` prints the manifest. Ends with an error if a file is damaged.
    """
    from goeswith.cli.output import Output
    from goeswith.cli.terminal_table import Table, pairs_table
    from goeswith.query.bundle import Bundle

    opened = Bundle.open(bundle, verify=True)
    manifest = opened.manifest
    tables = [
        pairs_table(f"Bundle {bundle}", _facts(opened)),
        Table(
            "Relations",
            [{"relation": name, **facts} for name, facts in manifest["relations"].items()],
        ),
        Table("Models", _models(manifest["health"])),
        pairs_table("Health", _health(opened)),
    ]
    if manifest["data"]["quarantine"]:
        tables.append(Table("Rows set aside", manifest["data"]["quarantine"]))
    tables += _measured(manifest["metrics"])
    Output(json).result(_in_one(tables), manifest, tables)


def _facts(bundle: Bundle) -> dict[str, Any]:
    manifest = bundle.manifest
    files, data = manifest["files"].values(), manifest["data"]
    return {
        "id": bundle.id,
        "format": manifest["format"],
        "created": manifest["created"],
        "goeswith": manifest["goeswith"],
        "libraries": ", ".join(f"{k} {v}" for k, v in manifest["libraries"].items()),
        "data": data["name"],
        "data fingerprint": data["fingerprint"],
        **{f"{table} read": rows for table, rows in data["rows"].items()},
        **{
            f"{entry.get('table', 'events')} from {entry['file']}": entry.get(
                "applied", "at the fit"
            )
            for entry in data.get("applied", [])
        },
        "recommendations per product": bundle.k,
        "files": len(files),
        "bytes": sum(file["bytes"] for file in files),
        "checksums": "every SHA-256 as written",
    }


def _models(health: dict[str, Any]) -> list[dict[str, Any]]:
    first = health["products_first_answered"]
    return [
        {"model": name, "products with its first rank": first[name], "recommendations": count}
        for name, count in health["answers"].items()
    ]


def _health(bundle: Bundle) -> dict[str, Any]:
    health = bundle.manifest["health"]
    return {
        "products without recommendations": health["products_without_answers"],
        "products that are ever recommended": health["products_recommended"],
        "next-product model": bundle.session_model,
        "next-basket model": (bundle.manifest.get("shoppers") or {}).get("model"),
        **{f"left out: {spec}": reason for spec, reason in health["left_out"].items()},
    }


def _measured(metrics: dict[str, Any] | None) -> list[Table]:
    """The figures of a benchmark in the manifest, a table for each protocol."""
    from goeswith.cli.build.benchmark_table import protocols_of
    from goeswith.cli.terminal_table import Column, Table

    tables = []
    for table in protocols_of(metrics):
        records = [
            {"model": result["model"], **{m: v["mean"] for m, v in result["metrics"].items()}}
            for result in table["results"]
            if result["metrics"]
        ]
        if records:
            names = dict.fromkeys(name for record in records for name in record)
            columns = [Column(name, drop=place) for place, name in enumerate(names)]
            tables.append(Table(f"Measured: {table['protocol']}", records, columns))
    return tables


def _in_one(tables: list[Table]) -> Table:
    """A record for each figure: the table it is of, what it is of, its name and its value."""
    from goeswith.cli.terminal_table import Table

    records = []
    for table in tables:
        for record in table.records:
            if table.has_heading:
                (_, row), *values = record.items()
            else:
                row, values = "", [(record["name"], record["value"])]
            records += [
                {"table": table.title, "row": row, "name": name, "value": value}
                for name, value in values
            ]
    return Table("", records)
