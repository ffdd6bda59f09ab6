"""`goeswith data inspect`, and what other commands print and store of a load."""

import json
import sys
import tomllib

import pytest

from goeswith.cli.main import main
from goeswith.store.manifest import read_manifest

HEADER = "Order ID,SKU,Kunde,Ereignis,Datum,notes\n"
EVENTS = HEADER + "".join(
    f"O{i // 2},P{i % 6},U{i // 4},{('Ansicht', 'kupljeno')[i % 2]},2024-01-{1 + i % 28:02},x\n"
    for i in range(60)
)


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    """A function: arguments of `goeswith` -> exit code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shop").mkdir()

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["goeswith", *map(str, arguments)])
        try:
            main()
            code = 0
        except SystemExit as stopped:
            code = stopped.code or 0
        return code, *capsys.readouterr()

    return call


def test_a_proposal_says_what_is_not_clear_and_loads_once_that_is_set(run, tmp_path):
    (tmp_path / "shop" / "events.csv").write_text(EVENTS)
    code, out, _ = run("data", "inspect", "shop", "--json")
    assert code == 2
    document = json.loads(out)
    assert 'basket_id = "Order ID"' in document["settings"]
    assert '# "kupljeno" = "view"  # or cart, purchase, ignore' in document["settings"]
    assert "event has an unknown name" in document["problems"][0]
    assert document["load"] is None
    settings = document["settings"].replace('# "kupljeno" = "view"', '"kupljeno" = "purchase"')
    (tmp_path / "goeswith.toml").write_text(settings)
    code, out, _ = run("data", "inspect", "shop", "--json")
    document = json.loads(out)
    assert code == 0
    assert document["problems"] == []
    assert document["load"]["events"] == {"purchase": 30, "view": 30}
    assert document["sample"][0]["product_id"] == "P0"
    read_as = {column["column"]: column["read_as"] for column in document["columns"]}
    assert read_as["Kunde"] == "user_id"
    assert read_as["notes"] == "not read"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (EVENTS.replace(",", ";").encode(), {"delimiter": ";"}),
        (EVENTS.replace("notes", "Größe").encode("cp1252"), {"encoding": "cp1252"}),
        (EVENTS.replace(",", "|").encode(), {"delimiter": "|"}),
        (EVENTS.replace(",", ";").replace("\n", "\r").encode(), {"delimiter": ";"}),
    ],
)
def test_a_proposal_has_the_delimiter_and_the_encoding(run, tmp_path, content, expected):
    (tmp_path / "shop" / "events.csv").write_bytes(content)
    document = json.loads(run("data", "inspect", "shop", "--json")[1])
    settings = tomllib.loads(document["settings"])["data"]
    assert {key: settings[key] for key in expected} == expected
    assert settings["columns"]["events"]["product_id"] == "SKU"


def test_columns_that_look_like_one_of_goeswith_are_comments(run, tmp_path):
    (tmp_path / "shop" / "events.csv").write_text(
        "order_id,product_id,shipping_limit_date\n1,a,2024-01-01 10:00:00\n"
    )
    code, out, err = run("data", "inspect", "shop")
    assert code == 2
    assert "events\tevents.csv\tshipping_limit_date\tnot clear: timestamp?" in out
    assert '# timestamp = "shipping_limit_date"  # or "none"' in err
    assert "a load stops here: events.csv: the meaning of a column is not clear" in err


def test_products_that_may_be_lines_of_an_order_are_proposed_to_be_left_out(run, tmp_path):
    (tmp_path / "shop" / "events.csv").write_text("product_id,user_id\na,u\nSHIP,u\nDEP,u\n")
    (tmp_path / "shop" / "products.csv").write_text(
        "product_id,title\na,A\nSHIP,Shipping\nDEP,Deposit\n"
    )
    document = json.loads(run("data", "inspect", "shop", "--json")[1])
    # shipping is left out in any case
    assert tomllib.loads(document["settings"])["data"]["ignore"] == {"products": ["DEP"]}


def test_a_folder_without_tables_is_an_error(run):
    code, _, err = run("data", "inspect", "shop")
    assert code == 2
    assert "holds none of the tables" in err


def write_shop(folder):
    lines = "".join(
        f"{product},u{i},O{i},purchase,2024-01-{1 + i % 28:02} 10:00:00\n"
        for i in range(40)
        for product in ("camera", "lens", f"bag{i % 3}")
    )
    (folder / "events.csv").write_text(
        "product_id,user_id,order_id,event_type,event_time\n" + lines
    )
    (folder / "notes.csv").write_text("a\n")


def test_a_command_prints_what_its_load_understood(run, tmp_path):
    write_shop(tmp_path / "shop")
    code, _, err = run("relations", "shop")
    assert code == 0
    assert "events: 120 rows from events.csv; columns: event = 'event_type'" in err
    assert "events that count: 120 purchase, 2024-01-01 10:00:00 to 2024-01-28 10:00:00 UTC" in err
    assert "baskets: 40, products: median 3, largest 3" in err
    assert "users: 40; the largest owns 2.5% of the baskets" in err
    assert "not read: notes.csv (not named after a table" in err
    document = json.loads(run("relations", "shop", "--json")[1])
    assert document["load"]["events"] == {"purchase": 120}
    assert document["load"]["not_read"].keys() == {"notes.csv"}


def test_a_bundle_stores_what_its_load_understood(run, tmp_path):
    write_shop(tmp_path / "shop")
    code, out, _ = run("fit", "shop", "-o", "bundle", "--model", "copurchase", "--json")
    assert code == 0
    load = json.loads(out)["load"]
    assert load["tables"][0]["columns"]["basket_id"] == "order_id"
    assert read_manifest(tmp_path / "bundle").content["data"]["report"] == load
