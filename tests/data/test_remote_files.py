"""Tables of an object store, copied once; a store in memory stands for it."""

import json

import fsspec
import pytest
from typer.testing import CliRunner

from goeswith.cli.main import app
from goeswith.core.errors import ConfigError, DataError
from goeswith.data.folder import load_data
from goeswith.data.sources.remote_files import copy_remote, store_errors

EVENTS = "product_id,basket_id\na,1\nb,1\n"


@pytest.fixture
def store():
    files = fsspec.filesystem("memory")
    files.store.clear()
    yield files
    files.store.clear()


def test_new_and_changed_files_are_copied(store, tmp_path):
    store.pipe("/shop/events.csv", EVENTS.encode())
    store.pipe("/shop/readme.txt", b"-")
    store.pipe("/shop/_temporary/events_9.csv", b"-")
    out = tmp_path / "shop"

    def copied():
        return {f.path.name: f.copied for f in copy_remote("memory://shop/", out)}

    assert copied() == {"events.csv": True}
    assert copied() == {"events.csv": False}
    store.pipe("/shop/events_2.csv", b"product_id,basket_id\na,2\nb,2\n")
    assert copied() == {"events.csv": False, "events_2.csv": True}
    store.pipe("/shop/events_2.csv", b"product_id,basket_id\na,3\nb,3\n")
    assert copied() == {"events.csv": False, "events_2.csv": True}
    assert load_data(out).events["basket_id"].to_list() == ["1", "1", "3", "3"]


def test_a_file_or_a_pattern_is_an_address(store, tmp_path):
    for month in (1, 2):
        store.pipe(f"/shop/events_{month}.csv", EVENTS.encode())
    store.pipe("/shop/products.csv", b"product_id\na\n")
    copied = copy_remote("memory://shop/events_*.csv", tmp_path)
    assert [file.path.name for file in copied] == ["events_1.csv", "events_2.csv"]
    assert copy_remote("memory://shop/products.csv", tmp_path)[0].size == 13


def test_folders_of_partitions_keep_their_names(store, tmp_path):
    store.pipe("/lake/events/event=view/part-0.csv", EVENTS.encode())
    store.pipe("/lake/events/event=purchase/part-0.csv", EVENTS.encode())
    copy_remote("memory://lake/events/", tmp_path / "events")
    counts = load_data(tmp_path / "events").events["event"].value_counts()
    assert dict(counts.iter_rows()) == {"view": 2, "purchase": 2}


def test_names_stay_in_the_folder(store, tmp_path):
    store.store["/shop/../../events.csv"] = store.open("/x.csv", "wb")
    with pytest.raises(DataError, match="has no table"):
        copy_remote("memory://shop/", tmp_path / "out")
    store.pipe("/shop/x\\..\\..\\events.csv", EVENTS.encode())
    with pytest.raises(DataError, match="is not a path in a folder"):
        copy_remote("memory://shop/", tmp_path / "out")
    assert not list(tmp_path.rglob("events.csv"))


def test_what_a_store_says_is_said(tmp_path, monkeypatch):
    files = fsspec.filesystem("memory")

    def refuse(*_, **__):
        raise PermissionError("the token\nhas expired")

    monkeypatch.setattr(type(files), "find", refuse)
    with pytest.raises(ConfigError, match=r"memory://shop/ cannot be used: the token has expired"):
        copy_remote("memory://shop/", tmp_path)


def test_what_is_not_there_is_said_without_the_password(store, tmp_path):
    with pytest.raises(DataError, match=r"there is nothing at memory://shop/$"):
        copy_remote("memory://user:secret@shop/?sig=secret", tmp_path)
    with pytest.raises(ConfigError, match=r"gcsfs|gs://bucket/shop/ cannot be used"):
        copy_remote("gs://bucket/shop/", tmp_path)


def test_the_command_copies_files(store, tmp_path):
    store.pipe("/shop/events.csv", EVENTS.encode())
    pull = ["data", "pull", "memory://shop/", "-o", str(tmp_path / "shop")]
    run = CliRunner().invoke(app, [*pull, "--json"])
    assert (run.exit_code, json.loads(run.stdout)["files"][0]["copied"]) == (0, True)
    run = CliRunner().invoke(app, [*pull, "--watermark", "t"])
    assert isinstance(run.exception, ConfigError)


@pytest.mark.parametrize("name", ["none/", "events.csv", "events_*.csv"])
def test_what_is_not_there_is_said(store, tmp_path, name):
    with pytest.raises(DataError, match="there is nothing at memory://shop"):
        copy_remote(f"memory://shop/{name}", tmp_path)


def test_the_message_of_a_store_has_no_password_and_no_signature() -> None:
    url = "https://reader:secret@shop.example/events.csv?sig=abc123"
    with pytest.raises(ConfigError) as refused, store_errors(url):
        raise RuntimeError(f"403, url='{url}'")
    assert "secret" not in str(refused.value)
    assert "abc123" not in str(refused.value)
    assert "shop.example/events.csv cannot be used: 403" in str(refused.value)
