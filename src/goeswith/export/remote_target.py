"""A file to write that may lie in an object store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from goeswith.core.errors import ConfigError
from goeswith.data.sources.remote_files import file_system, is_remote, public_address, store_errors


@contextmanager
def local_target(out: str | None) -> Iterator[Path]:
    """The path to write to; what is written is copied to its address in the store afterwards.

    Stores show a file once it is complete, so that readers see the old one or the new one.

    Args:
        out: a path, an address (`s3://bucket/complements.parquet`), or None where no file is
            written.

    Raises:
        ConfigError: the package of the store is missing, or the store refuses.
    """
    if out is None or not is_remote(out):
        yield Path(out or "")
        return
    store, root = file_system(out)
    name = root.rpartition("/")[2]
    if not name:
        raise ConfigError(f"{public_address(out)} is a folder; give the name of a file")
    with TemporaryDirectory(prefix="goeswith-") as folder:
        yield Path(folder) / name
        with store_errors(out):
            for path in sorted(Path(folder).iterdir()):
                store.put_file(str(path), root.removesuffix(name) + path.name)
