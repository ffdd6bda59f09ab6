"""`goeswith export`: the recommendations of every product, into a file, a database or a shop."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from goeswith.cli.options import Ban, BundlePath, Diversity, Json, PerType, Where

if TYPE_CHECKING:
    from goeswith.cli.output import Output
    from goeswith.export.recommendation_rows import RecommendationRows
    from goeswith.export.shops.shop_export import ShopExport


class Target(StrEnum):
    """Where recommendations can go."""

    parquet = "parquet"
    csv = "csv"
    jsonl = "jsonl"
    postgres = "postgres"
    redis = "redis"
    shopify = "shopify"
    woocommerce = "woocommerce"
    magento = "magento"
    google = "google"
    meta = "meta"
    klaviyo = "klaviyo"


def command(
    bundle: BundlePath,
    to: Annotated[Target, typer.Option(metavar="TARGET", help=f"One of {', '.join(Target)}.")],
    out: Annotated[
        str | None,
        typer.Option(
            "--out",
            "-o",
            metavar="FILE",
            help="The file, or its address in a store (s3://, gs://, az://); one that exists is "
            "replaced.",
        ),
    ] = None,
    url: Annotated[
        str | None,
        typer.Option(
            envvar="GOESWITH_EXPORT_URL",
            metavar="URL",
            help="The database's address, such as postgresql://USER@HOST/NAME or "
            "redis://HOST:6379/0; from the environment, its password is not visible in the list "
            "of processes.",
        ),
    ] = None,
    k: Annotated[
        int | None,
        typer.Option("-k", min=1, metavar="N", help="Recommendations per product; 10 unless set."),
    ] = None,
    why: Annotated[bool, typer.Option("--why", help="Add a sentence with the evidence.")] = False,
    where: Where = None,
    ban: Ban = None,
    per_type: PerType = None,
    diversity: Diversity = None,
    part: Annotated[
        int, typer.Option(min=0, metavar="N", help="Number of the part, from 0; for files.")
    ] = 0,
    parts: Annotated[
        int,
        typer.Option(
            min=1,
            metavar="N",
            help="Export one of so many equal parts, so that several machines share the work.",
        ),
    ] = 1,
    table: Annotated[
        str | None,
        typer.Option(
            metavar="TABLE",
            help="PostgreSQL: TABLE or SCHEMA.TABLE; goeswith_complements unless set.",
        ),
    ] = None,
    prefix: Annotated[
        str | None,
        typer.Option(metavar="PREFIX", help="Redis: start of every key; goeswith unless set."),
    ] = None,
    grace: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="N", help="Redis: seconds for which the old lists stay; 3600 unless set."
        ),
    ] = None,
    id_column: Annotated[
        str | None,
        typer.Option(
            "--id-column",
            metavar="COLUMN",
            help="Shop formats: attribute of the catalogue with the id that the shop uses; the "
            "product id unless set.",
        ),
    ] = None,
    since: Annotated[
        Path | None,
        typer.Option(
            "--since",
            metavar="FILE",
            help="Shop formats: write only what changed since the export that wrote this "
            "NAME.state.parquet.",
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Write the complements of every product to files, a database or a shop format.

        goeswith export bundle --to csv -o complements.csv

    Shop systems and marketing platforms take files of their own: shopify, woocommerce, magento,
    google, meta, klaviyo. Readers see the complete old data or the complete new data, even if this
    run is killed.
    """
    from time import perf_counter

    from goeswith.cli.output import Output, progress_bar
    from goeswith.core.errors import ConfigError
    from goeswith.export.postgres import TABLE, to_postgres
    from goeswith.export.recommendation_files import WRITERS
    from goeswith.export.recommendation_rows import RecommendationRows
    from goeswith.export.redis_lists import GRACE, PREFIX, to_redis
    from goeswith.export.remote_target import local_target
    from goeswith.export.shops import SHOP_FORMATS, shop_format
    from goeswith.export.shops.shop_export import export_to_shop
    from goeswith.query.bundle import Bundle
    from goeswith.query.constraints import Constraints

    _check_options(to, {"--out": out, "--table": table, "--prefix": prefix, "--grace": grace})
    is_shop = to.value in SHOP_FORMATS
    _check_shop_options(is_shop, to, {"--id-column": id_column, "--since": since}, why)
    is_file = to in WRITERS or is_shop
    target_value, option = (out, "--out FILE") if is_file else (url, "--url URL")
    if target_value is None:
        raise ConfigError(f"--to {to.value} needs {option}")
    if parts > 1 and to not in WRITERS:
        raise ConfigError(
            "--parts is for parquet, csv and jsonl: others are replaced in one transaction"
        )
    shop = shop_format(to.value) if is_shop else None
    if shop is not None and (k or 0) > shop.max_k:
        raise ConfigError(f"-k {k}: {to.value} takes at most {shop.max_k} products for each")
    opened = Bundle.open(bundle)
    constraints = None
    if where or ban or per_type is not None or diversity is not None:
        constraints = Constraints.from_text(where or [], ban or [], (), per_type, diversity)
    started = perf_counter()
    counts: ShopExport | None = None
    place = str(out)
    with local_target(out) as path, progress_bar() as progress:
        count = k or min(10, opened.k, shop.max_k if shop else opened.k)
        which = part, parts
        rows = RecommendationRows(opened, count, constraints, why, progress=progress, part=which)
        if shop is not None:
            counts = export_to_shop(rows, shop, path, id_column=id_column, since=since)
        elif to is Target.postgres:
            place = to_postgres(rows, str(url), table or TABLE)
        elif to is Target.redis:
            place = to_redis(rows, str(url), prefix or PREFIX, grace or GRACE)
        else:
            WRITERS[to.value](rows, path)
    seconds = perf_counter() - started
    output = Output(json)
    for banned, reason in rows.skipped.items():
        output.say(f"skipped ban {banned}: {reason}")
    if counts is not None:
        _print_shop_export(counts, rows, place, output)
        return
    output.summary(
        {
            "target": place,
            "to": to.value,
            "recommendations": rows.rows,
            "products": rows.products,
            "catalogue": len(opened),
            "k": rows.k,
            "bundle": opened.id,
            "seconds": seconds,
        },
        f"{place}: {rows.rows:,} recommendations for {rows.products:,} of {len(opened):,} "
        f"products, at most {rows.k} each, of the build {opened.id}; {seconds:.1f} s",
    )


def _check_options(to: Target, options: dict[str, object]) -> None:
    from goeswith.core.errors import ConfigError

    belongs = {"--table": Target.postgres, "--prefix": Target.redis, "--grace": Target.redis}
    for option, value in options.items():
        files = option == "--out" and to in (Target.postgres, Target.redis)
        if value is not None and (files or belongs.get(option, to) != to):
            raise ConfigError(f"{option} is not for --to {to.value}; leave it out")


def _check_shop_options(is_shop: bool, to: Target, options: dict[str, object], why: bool) -> None:
    from goeswith.core.errors import ConfigError

    for option, value in options.items():
        if value is not None and not is_shop:
            raise ConfigError(f"{option} is not for --to {to.value}; leave it out")
    if is_shop and why:
        raise ConfigError(f"--why is not for --to {to.value}; leave it out")


def _print_shop_export(
    counts: ShopExport, rows: RecommendationRows, place: str, output: Output
) -> None:
    from goeswith.export.shops.shop_export import state_path

    for reason, (count, example) in counts.left_out.items():
        output.say(f"left out {count:,}, the first {example}: {reason}")
    state = state_path(Path(place))
    output.summary(
        {
            "target": place,
            "recommendations": counts.complements,
            "products": counts.written,
            "cleared": counts.cleared,
            "unchanged": counts.unchanged,
            "left_out": sum(count for count, _ in counts.left_out.values()),
            "catalogue": len(rows.bundle),
            "k": rows.k,
            "bundle": rows.bundle.id,
            "state": str(state),
        },
        f"{place}: {counts.complements:,} recommendations for {counts.written:,} of "
        f"{len(rows.bundle):,} products ({counts.cleared:,} cleared, {counts.unchanged:,} "
        f"unchanged and left out), of the build {rows.bundle.id}; next time write only the "
        f"changes with --since {state}",
    )
