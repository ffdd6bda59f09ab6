"""`goeswith export`: the recommendations of every product, into a file or a database."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from goeswith.cli.options import Ban, BundlePath, Diversity, Json, PerType, Where


class Target(StrEnum):
    """Where recommendations can go."""

    parquet = "parquet"
    csv = "csv"
    jsonl = "jsonl"
    postgres = "postgres"
    redis = "redis"


def command(
    bundle: BundlePath,
    to: Annotated[Target, typer.Option(metavar="TARGET", help=f"One of {', '.join(Target)}.")],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FILE", help="The file; one that exists is replaced."),
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
        int, typer.Option(min=0, metavar="N", help="Which of --parts, from 0; files alone.")
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
    json: Json = False,
) -> None:
    """Write what goes with every product, for a shop that reads tables rather than HTTP.

        goeswith export bundle --to csv -o complements.csv

    Readers see the complete old data or the complete new data, even if this run is killed.
    """
    from time import perf_counter

    from goeswith.cli.output import Output, progress_bar
    from goeswith.core.errors import ConfigError
    from goeswith.export.postgres import TABLE, to_postgres
    from goeswith.export.recommendation_files import WRITERS
    from goeswith.export.recommendation_rows import RecommendationRows
    from goeswith.export.redis_lists import GRACE, PREFIX, to_redis
    from goeswith.query.bundle import Bundle
    from goeswith.query.constraints import Constraints

    _check_options(to, {"--out": out, "--table": table, "--prefix": prefix, "--grace": grace})
    target_value, option = (out, "--out FILE") if to in WRITERS else (url, "--url URL")
    if target_value is None:
        raise ConfigError(f"--to {to.value} needs {option}")
    if parts > 1 and to not in WRITERS:
        raise ConfigError("--parts is for files: a database is replaced in one transaction")
    opened = Bundle.open(bundle)
    constraints = None
    if where or ban or per_type is not None or diversity is not None:
        constraints = Constraints.from_text(where or [], ban or [], (), per_type, diversity)
    started = perf_counter()
    with progress_bar() as progress:
        count = k or min(10, opened.k)
        which = part, parts
        rows = RecommendationRows(opened, count, constraints, why, progress=progress, part=which)
        if to is Target.postgres:
            place = to_postgres(rows, str(url), table or TABLE)
        elif to is Target.redis:
            place = to_redis(rows, str(url), prefix or PREFIX, grace or GRACE)
        else:
            WRITERS[to.value](rows, Path(str(out)))
            place = str(out)
    seconds = perf_counter() - started
    output = Output(json)
    for banned, reason in rows.skipped.items():
        output.say(f"skipped ban {banned}: {reason}")
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
