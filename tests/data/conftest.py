import polars as pl
import pytest

from goeswith.data.config import DataConfig
from goeswith.data.folder import load_data
from goeswith.data.importers.run_importer import import_tables


@pytest.fixture
def imported(tmp_path):
    """A function: format and file -> content; returns what the import left.

    Content is text, bytes, or a function of the path.
    """

    def call(name, files, max_bad_share=0.05):
        source = tmp_path / "source"
        source.mkdir(exist_ok=True)
        for file, content in files.items():
            if callable(content):
                content(source / file)
                continue
            data = content.encode() if isinstance(content, str) else content
            (source / file).write_bytes(data)
        return import_tables(name, [source], tmp_path / "out", max_bad_share)

    return call


@pytest.fixture
def reasons():
    """A function: an import, and one of its files or all -> reason -> rows set aside."""

    def call(done, file=None):
        counts = done.quarantine.counts()
        if file is not None:
            counts = counts.filter(file=file)
        return dict(counts.select("reason", "rows").iter_rows())

    return call


@pytest.fixture
def load(tmp_path):
    """A function: file name -> content, and settings -> the data set of a folder with the files.

    Content is text, bytes, a polars frame (written as parquet) or a function of the path.
    """

    def call(files, max_bad_share=None, **settings):
        folder = tmp_path / "shop"
        for name, content in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if callable(content):
                content(path)
            elif isinstance(content, pl.DataFrame):
                content.write_parquet(path)
            else:
                path.write_bytes(content.encode() if isinstance(content, str) else content)
        return load_data(folder, max_bad_share, settings=DataConfig(**settings))

    return call
