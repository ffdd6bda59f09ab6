"""Titles of a locale in answers and sentences."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from typer.testing import CliRunner

from goeswith.cli.main import app
from goeswith.core.errors import ConfigError
from goeswith.data.folder import load_data
from goeswith.pipeline.fit_bundle import fit_bundle
from goeswith.query.bundle import Bundle
from goeswith.settings.sections import FitSettings, KindSettings, Settings

PATH = "/v1/products/phone-1/complements"


@pytest.fixture(scope="module")
def local_bundle(shop_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shop with German titles of some products, and Brazilian ones of one."""
    folder = tmp_path_factory.mktemp("locales")
    products = pl.read_csv(shop_folder / "products.csv")
    german = pl.when(pl.col("product_id").str.contains("phone|protector")).then(
        pl.concat_str(pl.lit("Ding "), "product_id")
    )
    brazilian = pl.when(pl.col("product_id") == "phone-1").then(pl.lit("Telefone"))
    shutil.copytree(shop_folder, folder / "shop")
    products.with_columns(
        german.alias("title_de"), brazilian.alias("title:pt-BR"), pl.lit(1).alias("title_id")
    ).write_csv(folder / "shop" / "products.csv")
    settings = Settings(
        fit=FitSettings(
            model="cocitation",
            fallbacks=["popularity"],
            k=8,
            session_model="none",
            shopper_model="g_topfreq",
        ),
        kinds=KindSettings(use="none"),
    )
    fit_bundle(load_data(folder / "shop"), folder / "bundle", settings)
    return folder / "bundle"


def test_titles_and_sentences_are_of_the_locale_and_fall_back(
    serve: Any, local_bundle: Path
) -> None:
    client = serve(local_bundle)
    plain = client.get(PATH).json()["complements"]
    german = client.get(f"{PATH}?locale=de").json()["complements"]
    assert [one["product_id"] for one in german] == [one["product_id"] for one in plain]
    for one, before in zip(german, plain, strict=True):
        is_translated = "protector" in one["product_id"]
        assert one["title"] == (f"Ding {one['product_id']}" if is_translated else before["title"])
    assert any("protector" in one["product_id"] for one in german)
    assert any("Ding phone-1" in one["why"] for one in german)
    assert client.get(PATH).json()["complements"] == plain


def test_a_region_takes_the_titles_of_its_language(serve: Any, local_bundle: Path) -> None:
    client = serve(local_bundle)
    for locale, title in (
        ("de-AT", "Ding phone-1"),
        ("DE_ch", "Ding phone-1"),
        ("pt_br", "Telefone"),
    ):
        found = client.get(f"/v1/search?q=phone-1&k=1&locale={locale}").json()["products"]
        assert found[0]["title"] == title


def test_products_of_a_shopper_have_the_titles(serve: Any, local_bundle: Path) -> None:
    client = serve(local_bundle)
    found = client.get("/v1/users/u1/next?k=8&locale=de").json()
    titles = {one["product_id"]: one["title"] for one in [*found["again"], *found["new"]]}
    translated = [product for product in titles if "phone" in product or "protector" in product]
    assert translated
    assert all(titles[product] == f"Ding {product}" for product in translated)


@pytest.mark.parametrize("locale", ["fr", "id", "pt", "xx-YY", "de; drop"])
def test_an_unknown_locale_says_which_there_are(
    serve: Any, local_bundle: Path, locale: str
) -> None:
    answer = serve(local_bundle).get(PATH, params={"locale": locale})
    assert answer.status_code in {400, 422}
    assert "it has de, pt-br" in answer.json()["detail"]


def test_without_titles_of_locales_the_answer_says_how_to_have_some(client: Any) -> None:
    answer = client.get(f"{PATH}?locale=de")
    assert answer.status_code in {400, 422}
    assert "title_de" in answer.json()["detail"]


def test_concurrent_requests_keep_their_locale(serve: Any, local_bundle: Path) -> None:
    client = serve(local_bundle)
    locales = ["", "?locale=de", "?locale=pt-BR"] * 3
    address = "/v1/compare?source=phone-1&target=case-1"
    answers = client.many([("GET", address + one.replace("?", "&"), {}) for one in locales])
    assert {one.status_code for one in answers} == {200}, answers[0].text
    plain = Bundle.open(local_bundle).products.title(
        Bundle.open(local_bundle).products.row("phone-1")
    )
    expected = {"": plain, "?locale=de": "Ding phone-1", "?locale=pt-BR": "Telefone"}
    assert [one.json()["source"]["title"] for one in answers] == [expected[one] for one in locales]


def test_the_locale_of_one_bundle_is_not_that_of_another(
    local_bundle: Path, shop_bundle: Path
) -> None:
    bundle, other = Bundle.open(local_bundle), Bundle.open(shop_bundle)
    title = other.complements("phone-1", 1)[0].title
    with bundle.in_locale("de"):
        assert other.complements("phone-1", 1)[0].title == title
    with pytest.raises(ConfigError, match="no titles for 'fr'"), bundle.in_locale("fr"):
        pytest.fail("not reached")


def test_the_command_shows_the_titles_of_a_locale(local_bundle: Path) -> None:
    for query in (["phone-1"], ["--user", "u1"]):
        command = ["recommend", str(local_bundle), *query, "--json"]
        local = CliRunner().invoke(app, [*command, "--locale", "de"])
        assert local.exit_code == 0
        assert "Ding p" in local.stdout
        assert "Ding p" not in CliRunner().invoke(app, command).stdout
    refused = CliRunner().invoke(app, ["recommend", str(local_bundle), "phone-1", "--locale", "fr"])
    assert "it has de, pt-br" in str(refused.exception)
