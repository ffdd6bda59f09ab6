"""`goeswith export`: the answers of every product, into a file or a database."""

from enum import StrEnum
from pathlib import Path

import typer


class Target(StrEnum):
    """Where answers can go."""

    parquet = "parquet"
    csv = "csv"
    jsonl = "jsonl"
    postgres = "postgres"
    redis = "redis"


def command(
    bundle: Path = typer.Argument(help="A bundle that `goeswith fit` left."),
    to: Target = typer.Option(help="A file of that format, or a database."),
    out: Path | None = typer.Option(None, help="The file; one that is there is replaced."),
    url: str | None = typer.Option(
        None,
        envvar="GOESWITH_EXPORT_URL",
        help="The database's address, such as postgresql://USER@HOST/NAME or redis://HOST:6379/0; "
        "from the environment, its password is not visible in the list of processes.",
    ),
    k: int | None = typer.Option(None, "-k", min=1, help="Recommendations per product [10]."),
    why: bool = typer.Option(False, help="Add a sentence with the evidence."),
    where: list[str] = typer.Option([], help="A filter on attributes; repeatable."),
    ban: list[str] = typer.Option([], help="A product never to show; repeatable."),
    per_type: int | None = typer.Option(None, min=1, help="Maximum per type."),
    diversity: float | None = typer.Option(
        None, min=0, max=1, help="How much less each further product of one type counts."
    ),
    part: int = typer.Option(0, min=0, help="Which of --parts, from 0; files alone."),
    parts: int = typer.Option(
        1, min=1, help="Export one of so many equal parts, so that several machines share the work."
    ),
    table: str | None = typer.Option(
        None, help="PostgreSQL: TABLE or SCHEMA.TABLE; goeswith_complements."
    ),
    prefix: str | None = typer.Option(None, help="Redis: what every key begins with; goeswith."),
    grace: int | None = typer.Option(
        None, min=1, help="Redis: seconds for which the old lists stay; 3600."
    ),
) -> None:
    """Write what goes with every product, for a shop that reads tables rather than HTTP.

    Readers see the complete old data or the complete new data, even if this run is killed.
    """
    from time import perf_counter

    from goeswith.cli.output import progress_bar
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
        constraints = Constraints.from_text(where, ban, (), per_type, diversity)
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
    typer.echo(
        f"{place}: {rows.rows:,} answers for {rows.products:,} of {len(opened):,} products, "
        f"at most {rows.k} each, of the build {opened.id}; {perf_counter() - started:.1f} s"
    )


def _check_options(to: Target, given: dict[str, object]) -> None:
    from goeswith.core.errors import ConfigError

    belongs = {"--table": Target.postgres, "--prefix": Target.redis, "--grace": Target.redis}
    for option, value in given.items():
        files = option == "--out" and to in (Target.postgres, Target.redis)
        if value is not None and (files or belongs.get(option, to) != to):
            raise ConfigError(f"{option} is not for --to {to.value}; leave it out")
