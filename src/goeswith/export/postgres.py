"""Answers into a table of PostgreSQL, which takes the old one's place in one transaction."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from goeswith.core.errors import ConfigError, DataError
from goeswith.core.server_address import ServerAddress
from goeswith.export.recommendation_rows import RecommendationRows

if TYPE_CHECKING:
    from psycopg import Connection
    from psycopg.sql import Identifier

COMMENT_PREFIX: Final = "goeswith complements"
"""How the comment of a table begins that an export made, and may therefore replace."""
TABLE: Final = "goeswith_complements"
_TYPES: Final = {
    "string": ("text", "text"),
    "int32": ("integer", "int4"),
    "double": ("double precision", "float8"),
    "bool": ("boolean", "bool"),
}
"""Arrow type -> type of the column, and type for COPY."""
_MAX_NAME_BYTES: Final = 63
_LOCK_TRIES: Final = 30
"""Tries to take the old table's place, two seconds each."""


def to_postgres(rows: RecommendationRows, url: str, table: str = TABLE) -> str:
    """Fill a new table and let it take the place of the old, all in one transaction.

    Readers see the complete old table or the complete new one; a failed export leaves nothing.

    Args:
        rows: what to export.
        url: `postgresql://USER:PASSWORD@HOST:PORT/DATABASE`; parts left out as in libpq.
        table: `TABLE` or `SCHEMA.TABLE`.

    Returns:
        Where the answers are now, for people.

    Raises:
        ConfigError: psycopg is not installed; the address or the name is invalid; the server cannot
            be reached, refuses, or has a table of that name that no export made.
        DataError: an id holds what PostgreSQL cannot store.
    """
    try:
        import psycopg
    except ModuleNotFoundError as error:
        raise ConfigError(
            "an export to PostgreSQL needs psycopg, which is not installed: "
            "pip install 'goeswith[export]'"
        ) from error
    address = ServerAddress(url, ("postgresql", "postgres"))
    schema, _, name = table.rpartition(".")
    for part in (name, schema or "public"):
        if not 0 < len(part.encode()) <= _MAX_NAME_BYTES or "\0" in part:
            raise ConfigError(f"{table!r} cannot be the name of a table")
    with (
        _readable_errors(address),
        psycopg.connect(
            url,
            connect_timeout=10,
            application_name="goeswith export",
            keepalives_idle=30,
            tcp_user_timeout=60_000,  # ms; a server that is gone is given up after a minute
        ) as connection,
    ):
        with connection.transaction():
            where = _schema(connection, schema)
            old = _replaceable(connection, where, name)
            new = f"goeswith_new_{secrets.token_hex(6)}"
            _fill(connection, rows, where, new)
            _swap(connection, where, old, new, name)
        database = connection.info.dbname
    return f"table {where}.{name} of {database} at {address}"


@contextmanager
def _readable_errors(address: ServerAddress) -> Iterator[None]:
    """What PostgreSQL refuses becomes a message that holds no password."""
    import psycopg

    try:
        yield
    except psycopg.DataError as error:
        raise DataError(f"PostgreSQL cannot store this: {address.hide(str(error))}") from None
    except psycopg.Error as error:
        raise ConfigError(
            f"PostgreSQL at {address}: {address.hide(str(error))}; the existing data are unchanged"
        ) from None


def _schema(connection: Connection[Any], name: str) -> str:
    """The schema to write into, the session's own where none is named."""
    row = connection.execute(
        "SELECT nspname FROM pg_namespace WHERE nspname = COALESCE(%s, current_schema())",
        [name or None],
    ).fetchone()
    if row is None:
        raise ConfigError(f"there is no schema {name!r} in that database; make it first")
    return str(row[0])


def _replaceable(connection: Connection[Any], schema: str, name: str) -> int | None:
    """The oid of the table to replace; None if there is none.

    Raises:
        ConfigError: something has that name that no export made.
    """
    row = connection.execute(
        "SELECT c.oid, c.relkind, obj_description(c.oid, 'pg_class') FROM pg_class c "
        "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = %s AND c.relname = %s",
        [schema, name],
    ).fetchone()
    if row is None:
        return None
    oid, kind, comment = row
    if kind not in ("r", b"r") or not (comment or "").startswith(COMMENT_PREFIX):
        raise ConfigError(
            f"{schema}.{name} was not made by an export (its comment does not begin with "
            f"{COMMENT_PREFIX!r}): name another table, or drop that one"
        )
    return int(oid)


def _fill(connection: Connection[Any], rows: RecommendationRows, schema: str, new: str) -> None:
    """Make the new table with all rows, its key, its index for readers and its comment."""
    from psycopg.sql import SQL, Identifier, Literal

    types = [_TYPES[str(field.type)] for field in rows.schema]
    columns = SQL(", ").join(
        SQL("{} {}{}").format(
            Identifier(field.name), SQL(declared), SQL("" if field.nullable else " NOT NULL")
        )
        for field, (declared, _) in zip(rows.schema, types, strict=True)
    )
    table = Identifier(schema, new)
    connection.execute(SQL("CREATE TABLE {} ({})").format(table, columns))
    command = SQL("COPY {} FROM STDIN (FORMAT BINARY)").format(table)
    with connection.cursor() as cursor, cursor.copy(command) as copy:
        copy.set_types([copy_type for _, copy_type in types])
        for batch in rows:
            for row in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                copy.write_row(row)
    connection.execute(SQL("ALTER TABLE {} ADD PRIMARY KEY (source_id, rank)").format(table))
    comment = f"{COMMENT_PREFIX}: bundle {rows.bundle.id}, at most {rows.k} answers a product"
    connection.execute(SQL("COMMENT ON TABLE {} IS {}").format(table, Literal(comment)))
    connection.execute(SQL("ANALYZE {}").format(table))


def _swap(connection: Connection[Any], schema: str, old: int | None, new: str, name: str) -> None:
    """Give the new table the old one's rights and name, and drop the old."""
    from psycopg.sql import SQL, Identifier

    table = Identifier(schema, new)
    if old is not None:
        replaced = Identifier(schema, name)
        _lock(connection, replaced)
        # another export may have been quicker
        if _replaceable(connection, schema, name) != old:
            raise ConfigError(f"another export replaced {schema}.{name} meanwhile; run this again")
        _grant(connection, old, table)
        connection.execute(SQL("DROP TABLE {}").format(replaced))
    connection.execute(SQL("ALTER TABLE {} RENAME TO {}").format(table, Identifier(name)))


def _lock(connection: Connection[Any], table: Identifier) -> None:
    """Wait for those who read the old table.

    Later readers wait behind this lock, so each try is short: a long query blocks no other.
    """
    from psycopg.errors import LockNotAvailable
    from psycopg.sql import SQL

    for left in reversed(range(_LOCK_TRIES)):
        try:
            with connection.transaction():
                connection.execute("SET LOCAL lock_timeout = '2s'")
                connection.execute(SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(table))
                return
        except LockNotAvailable:
            if not left:
                raise
            time.sleep(1)


def _grant(connection: Connection[Any], old: int, new: Identifier) -> None:
    """Give the new table the rights that others have on the old."""
    from psycopg.sql import SQL, Identifier

    rights = connection.execute(
        "SELECT a.privilege_type, a.is_grantable, r.rolname FROM pg_class c "
        "CROSS JOIN LATERAL aclexplode(c.relacl) a LEFT JOIN pg_roles r ON r.oid = a.grantee "
        "WHERE c.oid = %s AND a.grantee <> c.relowner",
        [old],
    ).fetchall()
    for right, grantable, role in rights:
        connection.execute(
            SQL("GRANT {} ON {} TO {}{}").format(
                SQL(right),  # a keyword that the server itself named
                new,
                SQL("PUBLIC") if role is None else Identifier(role),
                SQL(" WITH GRANT OPTION" if grantable else ""),
            )
        )
