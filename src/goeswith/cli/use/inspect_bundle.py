"""`goeswith inspect`: contents of a bundle, and a check of its files."""

from pathlib import Path
from typing import Any

import typer


def command(
    bundle: Path = typer.Argument(help="A bundle that `goeswith fit` left."),
    json: bool = typer.Option(False, "--json", help="Print the manifest as JSON."),
) -> None:
    """Show what a bundle was made from, what it answers, and check every file of it."""
    from goeswith.cli.output import console, pairs_table, records_table
    from goeswith.query.bundle import Bundle

    opened = Bundle.open(bundle, verify=True)
    manifest = opened.manifest
    if json:
        from json import dumps

        typer.echo(dumps(manifest, indent=2, ensure_ascii=False))
        return
    screen = console()
    listed = manifest["files"].values()
    screen.print(
        pairs_table(
            f"Bundle {bundle}".replace("[", r"\["),
            {
                "id": opened.id,
                "format": manifest["format"],
                "created": manifest["created"],
                "goeswith": manifest["goeswith"],
                "libraries": ", ".join(f"{k} {v}" for k, v in manifest["libraries"].items()),
                "data": manifest["data"]["name"],
                "data fingerprint": manifest["data"]["fingerprint"],
                **{f"{table} read": rows for table, rows in manifest["data"]["rows"].items()},
                **{
                    f"{entry.get('table', 'events')} from {entry['file']}": entry.get(
                        "applied", "at the fit"
                    )
                    for entry in manifest["data"].get("applied", [])
                },
                "answers a product": opened.k,
                "files": f"{len(listed)}, {sum(file['bytes'] for file in listed):,} bytes, "
                "every SHA-256 as written",
            },
        )
    )
    relations = [{"relation": name, **facts} for name, facts in manifest["relations"].items()]
    screen.print(records_table("Relations", relations))
    health = manifest["health"]
    models = [
        {
            "model": name,
            "products answered first": health["products_first_answered"][name],
            "answers": answers,
        }
        for name, answers in health["answers"].items()
    ]
    screen.print(records_table("Who answers", models))
    screen.print(
        pairs_table(
            "Health",
            {
                "products without answers": health["products_without_answers"],
                "products that are ever an answer": health["products_recommended"],
                "next in a session": opened.session_model,
                **{f"left out: {spec}": reason for spec, reason in health["left_out"].items()},
            },
        )
    )
    if manifest["data"]["quarantine"]:
        screen.print(records_table("Rows set aside", manifest["data"]["quarantine"]))
    for table in _tables(manifest["metrics"]):
        results = [
            {"model": result["model"], **{m: v["mean"] for m, v in result["metrics"].items()}}
            for result in table["results"]
            if result["metrics"]
        ]
        if results:
            screen.print(records_table(f"Measured: {table['protocol']}", results))


def _tables(metrics: dict[str, Any] | None) -> list[dict[str, Any]]:
    """The tables of a benchmark, whether it ran one protocol or several."""
    if metrics is None:
        return []
    tables: list[dict[str, Any]] = metrics.get("protocols", [metrics])
    return tables
