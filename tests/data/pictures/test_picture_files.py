"""Picture files: found by id or path, read within limits, encoded once."""

from __future__ import annotations

import struct
import sys
import zlib
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import numpy as np
import polars as pl
import pytest
from pydantic import ValidationError

from goeswith.core.errors import ConfigError, DataError
from goeswith.data.catalog import Catalog
from goeswith.data.config import DataConfig, PictureConfig
from goeswith.data.dataset import Dataset
from goeswith.data.pictures.picture_encoder import with_pictures
from goeswith.data.pictures.picture_files import decode_picture, read_picture
from goeswith.data.quarantine import Quarantine

Image = pytest.importorskip("PIL.Image")


class MeanColour:
    """A tiny image encoder: random weights over the mean colour."""

    calls: ClassVar[list[int]] = []

    def __init__(self, model: str) -> None:
        if model == "no/such":
            raise OSError("not found")
        self.weights = np.random.default_rng(0).standard_normal((3, 5))

    def encode(self, pictures: list[Any], **_: Any) -> np.ndarray:
        self.calls.append(len(pictures))
        colours = [np.asarray(picture, dtype=np.float64).mean(axis=(0, 1)) for picture in pictures]
        return (np.array(colours) / 255) @ self.weights


@pytest.fixture(autouse=True)
def encoder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> type[MeanColour]:
    module = ModuleType("sentence_transformers")
    monkeypatch.setattr(module, "SentenceTransformer", MeanColour, raising=False)
    monkeypatch.setitem(sys.modules, "sentence_transformers", module)
    monkeypatch.setattr(MeanColour, "calls", [])
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return MeanColour


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for name, colour in (("a.png", "red"), ("b.jpg", "blue"), ("c.webp", "red")):
        Image.new("RGB", (20, 10), colour).save(folder / name)
    return folder


def settings(folder: Path, column: str | None = None, encoder: str = "tiny") -> PictureConfig:
    return PictureConfig(folder=str(folder), column=column, encoder=encoder)


def huge_png() -> bytes:
    """A PNG of a few bytes whose header says 100,000 x 100,000 pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        length, check = struct.pack(">I", len(data)), struct.pack(">I", zlib.crc32(kind + data))
        return length + kind + data + check

    header = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
    data = zlib.compress(bytes(100))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    )


def test_a_folder_is_read_by_product_id_once(folder: Path, encoder: type[MeanColour]) -> None:
    products = pl.DataFrame({"product_id": ["a", "b", "none"]})
    events = pl.DataFrame({"basket_id": ["1", "1"], "product_id": ["a", "b"]})
    config = DataConfig(pictures=settings(folder))
    data = Dataset.from_frames(events=events, products=products, settings=config)
    column = data.catalog.frame["picture_vector"]
    assert column.dtype == pl.Array(pl.Float32, 5)
    assert column.is_not_null().to_list() == [True, True, False]
    assert "pictures: 2 products have a vector of 5 numbers, 1 have none" in data.report.notes
    again = Dataset.from_frames(events=events, products=products, settings=config)
    assert again.catalog.frame.equals(data.catalog.frame)
    assert encoder.calls == [2]
    Image.new("RGB", (9, 9), "green").save(folder / "none.gif")
    more = Dataset.from_frames(events=events, products=products, settings=config)
    assert more.catalog.frame["picture_vector"].null_count() == 0
    assert encoder.calls == [2, 1]


def test_the_fingerprint_of_data_covers_the_pictures_of_their_products(folder: Path) -> None:
    products = pl.DataFrame({"product_id": ["a", "b", "none"]})
    events = pl.DataFrame({"basket_id": ["1", "1"], "product_id": ["a", "b"]})

    def fingerprint(config: DataConfig) -> str:
        return Dataset.from_frames(events, products=products, settings=config).fingerprint

    config = DataConfig(pictures=settings(folder))
    prints = [fingerprint(DataConfig()), fingerprint(config)]
    (folder / "a.png").rename(folder / "kept")
    prints.append(fingerprint(config))  # without a picture of a
    (folder / "kept").rename(folder / "none.png")
    prints.append(fingerprint(config))  # the same picture, of another product
    Image.new("RGB", (20, 10), "green").save(folder / "none.png")
    prints.append(fingerprint(config))  # another picture
    assert len(set(prints)) == len(prints)
    (folder / "of-no-product.png").write_bytes(b"")
    assert fingerprint(config) == prints[-1]


def test_what_cannot_be_read_is_recorded_with_product_and_reason(
    folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "secret.png").write_bytes((folder / "a.png").read_bytes())
    (folder / "link.png").symlink_to(tmp_path / "secret.png")
    (folder / "loop.png").symlink_to(folder / "loop.png")
    (folder / "inside.png").symlink_to(folder / "a.png")
    (folder / "text.png").write_text("no picture")
    (folder / "cut.jpg").write_bytes((folder / "b.jpg").read_bytes()[:-200])
    (folder / "bomb.png").write_bytes(huge_png())
    (folder / "vector.svg").write_text("<svg/>")
    paths = {
        "a.png": "",
        "inside.png": "",
        "../secret.png": "leads out of the folder",
        str(tmp_path / "secret.png"): "leads out of the folder",
        "link.png": "leads out of the folder",
        "loop.png": "cannot be opened|is not a file",
        "gone.png": "is not a file",
        ".": "is not a file",
        "a\0b.png": "cannot be opened|is not a file",
        "https://shop.example/a.png": "is an address",
        "text.png": "is not a readable picture",
        "cut.jpg": "is not a readable picture",
        "vector.svg": "is not a readable picture",
        "bomb.png": "more than 50,000,000 pixels",
    }
    catalog = Catalog(
        pl.DataFrame({"product_id": [f"p{i}" for i in range(len(paths) + 1)]}).with_columns(
            image=pl.Series([*paths, None])
        )
    )
    quarantine = Quarantine()
    result, _ = with_pictures(catalog, settings(folder, "image"), quarantine)
    used = result.frame["picture_vector"].is_not_null().to_list()
    assert used == [reason == "" for reason in paths.values()] + [False]
    recorded = {row["row"]: row for row in quarantine.rows.iter_rows(named=True)}
    for row, (path, reason) in enumerate(paths.items(), start=1):
        if reason:
            assert any(part in recorded[row]["reason"] for part in reason.split("|")), path
            assert recorded[row]["value"] == path
            assert recorded[row]["kept"]
    quarantine.check()


def test_transparent_pictures_are_put_on_white_and_large_ones_reduced(folder: Path) -> None:
    Image.new("RGBA", (1500, 30), (0, 0, 0, 0)).save(folder / "clear.png")
    picture = decode_picture(read_picture(folder, "clear.png"))
    assert picture.mode == "RGB"
    assert max(picture.size) <= 512
    assert np.asarray(picture).min() == 255


def test_settings_that_do_not_fit_are_refused_with_a_remedy(folder: Path) -> None:
    catalog = Catalog(pl.DataFrame({"product_id": ["a"], "picture": ["a.png"]}))
    with pytest.raises(ValidationError, match="set both"):
        PictureConfig(folder="pictures")
    with pytest.raises(ValidationError, match="set folder and encoder"):
        PictureConfig(column="image")
    with pytest.raises(DataError, match=r"no column 'image'.*picture"):
        with_pictures(catalog, settings(folder, "image"), Quarantine())
    with pytest.raises(DataError, match=r"no folder .*data.pictures"):
        with_pictures(catalog, settings(folder / "no"), Quarantine())
    with pytest.raises(ConfigError, match="image encoder"):
        with_pictures(catalog, settings(folder, encoder="no/such"), Quarantine())
    vectors = Catalog(catalog.frame.with_columns(picture_vector=pl.Series([[1.0]])))
    with pytest.raises(DataError, match="leave one of them out"):
        with_pictures(vectors, settings(folder), Quarantine())


def test_an_encoder_of_text_and_a_missing_extra_are_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch, encoder: type[MeanColour]
) -> None:
    catalog = Catalog(pl.DataFrame({"product_id": ["a"]}))

    def encode(*_: Any, **__: Any) -> None:
        raise TypeError("expected text")

    monkeypatch.setattr(encoder, "encode", encode)
    with pytest.raises(ConfigError, match="does not read pictures: expected text; set encoder"):
        with_pictures(catalog, settings(folder), Quarantine())
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(ConfigError, match=r"goeswith\[pictures\]"):
        with_pictures(catalog, settings(folder), Quarantine())
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(ConfigError, match=r"goeswith\[pictures\]"):
        decode_picture((folder / "a.png").read_bytes())
