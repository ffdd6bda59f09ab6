"""A part of the hostile inputs, of the variations of shop exports and of the mutated tables."""

import random
import sys
from pathlib import Path

import pytest

pytest.importorskip("openpyxl")
pytest.importorskip("zstandard")
sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import fault_variations
import goeswith
from fault_cases import outcome_of
from goeswith.core.errors import GoesWithError
from hostile_inputs import try_table
from hostile_tables import small_tables
from reader_mutations import mutate, originals

SMALL = [
    entry
    for entry in small_tables()
    if sum(len(c) for c in entry.files.values() if isinstance(c, bytes)) < 50_000
]
LOADS = (
    "event_column",
    "guests",
    "several_files",
    "times",
    "repeated_ids",
    "european_prices",
    "uncounted_orders",
    "non_products",
)


@pytest.mark.parametrize("entry", SMALL[::9], ids=lambda entry: entry.name)
def test_a_hostile_table_is_read_rightly_or_refused(entry, tmp_path):
    outcome, value, _ = try_table(entry, tmp_path)
    assert outcome in ("right", "refused"), value


@pytest.mark.parametrize("kind", LOADS)
def test_an_export_is_read_rightly_or_refused(kind, tmp_path):
    variation = getattr(fault_variations, kind)
    for number in (1, 2):
        rng = random.Random(f"test {kind} {number}")
        outcome, value = outcome_of(variation, tmp_path / str(number), rng, number)
        assert outcome in ("right", "refused"), value


def test_mutated_tables_are_read_or_refused(tmp_path):
    files = {name: data for name, data in originals().items() if not name.startswith("xlsx")}
    for number in range(3 * len(files)):
        name = sorted(files)[number % len(files)]
        path = tmp_path / str(number) / Path(name).name
        path.parent.mkdir()
        path.write_bytes(mutate(files[name], random.Random(number)))
        try:
            goeswith.load_data(path.parent)
        except GoesWithError as error:
            assert len(str(error)) > 20
