import pytest

from goeswith.data.importers.run_importer import import_tables


@pytest.fixture
def imported(tmp_path):
    """A function: format and file -> content; returns what the import left."""

    def call(name, files, max_bad_share=0.05):
        source = tmp_path / "source"
        source.mkdir(exist_ok=True)
        for file, content in files.items():
            data = content.encode() if isinstance(content, str) else content
            (source / file).write_bytes(data)
        return import_tables(name, [source], tmp_path / "out", max_bad_share)

    return call
