import polars as pl
import pytest

from goeswith.core.errors import DataError
from goeswith.data.quarantine import Quarantine


@pytest.fixture
def quarantine():
    """A quarantine of a file of 100 rows, of which 6 are bad, 10 expected and 20 lost a price."""
    quarantine = Quarantine(max_share=0.05)
    quarantine.count_read("t.csv", 100)
    add(quarantine, 6, "bad")
    add(quarantine, 10, "a return", expected=True)
    add(quarantine, 20, "price", kept=True)
    quarantine.count_expected("t.csv", 30, "outside", "x")
    return quarantine


def add(quarantine, rows, reason, **marks):
    numbers = pl.Series(range(1, rows + 1))
    quarantine.add("t.csv", numbers, reason, numbers, **marks)


def test_bad_rows_past_the_share_stop_the_run_and_say_which(quarantine):
    with pytest.raises(DataError, match=r"t\.csv: 6 of 100 rows .*6\.0%.*6 x bad") as stop:
        quarantine.check()
    assert "(rows 1, 2, 3, for example '1')" in str(stop.value)
    assert "max_bad_share under [data] of goeswith.toml" in str(stop.value)


def test_expected_rows_and_dropped_values_do_not_stop_the_run(quarantine):
    quarantine.max_share = 0.06
    quarantine.check()


def test_rows_that_lost_one_value_are_counted_and_not_lost(quarantine):
    counted = dict(quarantine.counts().select("reason", "rows").iter_rows())
    assert counted == {"bad": 6, "a return": 10, "price": 20, "outside": 30}
    assert quarantine.rows_removed("t.csv") == 46
    assert quarantine.rows_read("t.csv") == 100


def test_every_row_set_aside_is_written_with_file_number_and_reason(quarantine, tmp_path):
    quarantine.write(tmp_path / "quarantine.parquet")
    written = pl.read_parquet(tmp_path / "quarantine.parquet")
    assert written.columns == ["file", "row", "reason", "value", "expected", "kept"]
    assert written.filter(reason="bad")["row"].to_list() == [1, 2, 3, 4, 5, 6]
