import json

import polars as pl
import pytest


@pytest.fixture
def run(run_command):
    """A function: arguments -> exit code, stdout, words of stderr of `goeswith import`."""

    def call(*arguments):
        code, out, err = run_command("import", *arguments)
        return code, out, " ".join(err.split())

    return call


@pytest.fixture
def metadata(tmp_path):
    """Amazon metadata of 2018: three products, of which one repeats, and a line that is cut."""
    phone = {"asin": "B0PHONE", "title": "Phone [new]", "also_buy": ["B0CASE", "B0GONE"]}
    lines = [*map(json.dumps, (phone, {"asin": "B0CASE"}, {"asin": "B0CASE"})), '{"asin": "B0']
    path = tmp_path / "meta.json"
    path.write_text("\n".join(lines))
    return path


def test_the_table_has_rows_read_used_and_set_aside_with_the_reason(run, metadata, tmp_path):
    code, out, err = run("amazon", metadata, "-o", tmp_path / "shop", "--max-bad-share", 0.5)
    assert code == 0
    table = [line.split("\t") for line in out.splitlines()]
    assert table[0] == ["file", "outcome", "reason", "example", "rows", "share"]
    repeated = "the asin is a repeat; the first line is used"
    assert table[1:5] == [
        ["meta.json", "read", "", "", "4", "1.0"],
        ["meta.json", "expected", repeated, "B0CASE", "1", "0.25"],
        ["meta.json", "bad", "the line cannot be parsed", '{"asin": "B0', "1", "0.25"],
        ["meta.json", "used", "", "", "2", "0.5"],
    ]
    assert "B0GONE" in out
    assert "products.parquet: 2 rows" in err
    assert "relations.parquet: 1 rows" in err
    aside = pl.read_parquet(tmp_path / "shop" / "quarantine.parquet").sort("row")
    assert aside["row"].to_list() == [3, 4]


def test_too_many_bad_rows_stop_with_a_message_and_leave_no_tables(run, metadata, tmp_path):
    code, _, err = run("amazon", metadata, "--out", tmp_path / "shop")
    assert code == 2
    assert "error: meta.json: 1 of 4 rows cannot be used (25.0%" in err
    assert [path.name for path in (tmp_path / "shop").iterdir()] == ["quarantine.parquet"]


def test_the_share_of_the_project_file_holds_where_none_is_given(run, metadata, tmp_path):
    (tmp_path / "goeswith.toml").write_text("[data]\nmax_bad_share = 0.5\n")
    assert run("amazon", metadata, "--out", tmp_path / "shop")[0] == 0


def test_json_is_one_document(run, metadata, tmp_path):
    code, out, _ = run("amazon", metadata, "-o", tmp_path / "shop", "--max-bad-share", 1, "--json")
    assert code == 0
    document = json.loads(out)
    assert document["tables"] == {"products": 2, "relations": 1}
    assert document["rows"][0]["rows"] == 4


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("amazn", "meta.json"), "did you mean 'amazon'?"),
        (("amazon", "gone.json"), "there is no file or folder gone.json"),
        (("recbole",), "give the file or folder to import"),
    ],
)
def test_what_cannot_be_imported_ends_with_a_message_and_code_2(run, arguments, message):
    code, _, err = run(*arguments, "--out", "shop")
    assert code == 2
    assert message in err
    assert "Traceback" not in err
