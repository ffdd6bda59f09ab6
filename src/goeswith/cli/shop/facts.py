"""`goeswith facts`: changes of known products without a fit."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from goeswith.cli.options import BundlePath, Json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from goeswith.facts.fact_writer import FactChange


def command(
    bundle: BundlePath,
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="FILE",
            help="Table with product_id and new values, as parquet, CSV or JSON lines; an empty "
            "cell changes nothing. Without it, the current changes are shown.",
        ),
    ] = None,
    strict: Annotated[
        bool,
        typer.Option("--strict", help="Write nothing if a row cannot be used."),
    ] = False,
    json: Json = False,
) -> None:
    """Change price, stock, visibility, markets or other attributes of products at once.

        goeswith facts bundle stock.csv

    A running service has the change in its next answer. It stays in new builds until their
    catalogue has another value. A column `deleted` with true deletes a product. The exit code is 2
    if no row can be used.
    """
    from goeswith.cli.output import Output, plural
    from goeswith.cli.terminal_table import Table
    from goeswith.core.errors import DataError
    from goeswith.facts.fact_writer import FactWriter
    from goeswith.query.bundle import Bundle

    opened, output = Bundle.open(bundle), Output(json)
    opened.refresh()
    if file is None:
        state = opened.live.state()
        records = [{"attribute": name, "products": n} for name, n in state["changed"].items()]
        fields = ("attribute", "products")
        table = Table("Changed since the fit", records, fields=fields)
        output.result(table, {"bundle": opened.id, **state}, [table] if records else [])
        output.say(f"Sold out, hidden or deleted: {plural(state['unavailable'], 'product')}")
        if state["unreadable_lines"]:
            output.say(
                f"{state['unreadable_lines']} lines of {opened.live.path} are incomplete: of "
                "writers that were killed before their changes were acknowledged"
            )
        return
    changes = list(_read_changes(file))
    try:
        report = FactWriter(opened, opened.live).write(changes, skip_invalid=not strict)
    except OSError as error:
        raise DataError(f"{opened.live.path} cannot be written: {error}") from error
    document = {"bundle": opened.id, **vars(report)}
    skipped = Table(
        "Rows that were not used", report.skipped, fields=("row", "product_id", "reason")
    )
    output.result(skipped, document, [skipped] if report.skipped else [])
    if len(report.skipped) == len(changes) > 0:
        first = report.skipped[0]
        raise DataError(f"{file}: no row can be used; row {first['row']}: {first['reason']}")
    output.say(
        f"{plural(report.changed, 'product')} changed, {report.unchanged:,} had these values, "
        f"{plural(len(report.skipped), 'row')} not used"
    )


def _read_changes(file: Path) -> Iterator[FactChange]:
    """The rows of a table.

    Raises:
        DataError: the table cannot be read, or has no column `product_id`.
    """
    from goeswith.core.errors import DataError
    from goeswith.data.quarantine import ROW, Quarantine
    from goeswith.data.tables import read_table
    from goeswith.data.values import identifiers
    from goeswith.facts.fact_values import as_boolean
    from goeswith.facts.fact_writer import FactChange

    quarantine = Quarantine()
    table = read_table(file, quarantine)
    quarantine.check()
    if "product_id" not in table.columns:
        names = ", ".join(name for name in table.columns if name != ROW)
        raise DataError(
            f"{file} has no column product_id; it has {names}. Rename the column with the ids to "
            "product_id"
        )
    table = table.with_columns(identifiers(table["product_id"], file.name))
    for record in table.iter_rows(named=True):
        row, product_id = record.pop(ROW), record.pop("product_id")
        values: dict[str, Any] = {
            name: value for name, value in record.items() if value is not None and value != ""
        }
        deleted = values.pop("deleted", None)
        try:
            is_deleted = None if deleted is None else as_boolean(deleted)
        except ValueError as error:
            raise DataError(
                f"{file}, row {row}: deleted = {deleted!r} is neither true nor false"
            ) from error
        yield FactChange(product_id or "", values, is_deleted, row)
