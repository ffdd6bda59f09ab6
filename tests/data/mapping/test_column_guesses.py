"""A proposal names the columns that a table lacks by their values, and never fails on them."""

import re

import pytest

from goeswith.data.config import DataConfig
from goeswith.data.folder import load_data
from goeswith.data.mapping.proposal import propose_settings
from goeswith.settings.project_file import load_settings

NAMES = [
    "Gummi Dichtring klein",
    "Keilriemen lang schmal",
    "Fett Kartusche blau",
    "Nitril Handschuh",
]


def write(folder, products_header, events_header):
    """A shop of four parts and eight orders of two lines, with headers of its own."""
    folder.mkdir(exist_ok=True)
    products = [f"T{i};{name};{i + 1},50" for i, name in enumerate(NAMES)]
    events = [
        f"V{order};{line};K{order % 3};T{(order + line) % 4};2024-01-{order + 1:02}"
        for order in range(8)
        for line in range(2)
    ]
    (folder / "products.csv").write_text("\n".join([products_header, *products]), "utf-8-sig")
    (folder / "events.csv").write_text("\n".join([events_header, *events]), "utf-8-sig")
    return folder


def test_unknown_names_are_proposed_by_their_values(tmp_path):
    shop = write(tmp_path / "shop", "Nr1;Text1;Wert", "Vorfall;Zeile;Konto;Nr2;Datum")
    proposal = propose_settings(shop, DataConfig())
    assert proposal.problems
    assert '# product_id = "Nr1"' in proposal.settings
    assert '# title = "Text1"' in proposal.settings
    assert '# product_id = "Nr2"' in proposal.settings
    assert '# basket_id = "Vorfall"' in proposal.settings
    # with the lines that the proposal has as comments, the shop can be read
    config = tmp_path / "goeswith.toml"
    config.write_text(re.sub("(?m)^# ", "", proposal.settings), "utf-8")
    data = load_data(shop, settings=load_settings(config).data)
    assert data.report.contexts["baskets"]["count"] == 8
    assert data.catalog.text("title") == NAMES


def test_a_catalogue_without_a_known_id_is_no_traceback(tmp_path):
    shop = write(tmp_path / "shop", "Nr1;Artikelbezeichnung;Wert", "Bon-Nr;Zeile;Kunde;SKU;Datum")
    proposal = propose_settings(shop, DataConfig())
    assert '# product_id = "Nr1"' in proposal.settings
    assert proposal.problems


def test_a_title_that_is_no_title_is_not_proposed(tmp_path):
    shop = write(tmp_path / "shop", "SKU;title;Preis", "Bon-Nr;Zeile;Kunde;SKU;Datum")
    proposal = propose_settings(shop, DataConfig())
    assert not proposal.problems
    assert "# " not in proposal.settings


@pytest.mark.parametrize(
    "header",
    [
        "PZN;Artikelbezeichnung;VK-Preis|Bestellnummer;Zeile;Kundennummer;PZN;Bestelldatum",
        "Artikelnummer;Bezeichnung;Brutto-VK|Auftrag-Nr.;Pos;Kunde;Artikelnummer;Auftragsdatum",
        "Réf. produit;Désignation;Prix TTC|N° de commande;L;Client;Réf. produit;Date de commande",
        "MATNR;MAKTX;VERKAUFSPREIS|VBELN;POSNR;KUNNR;MATNR;ERDAT",
        "Item No.;Item Description;List Price|Order No;Line;Customer No;Item No.;Order Date",
    ],
)
def test_names_of_exports_in_several_languages_are_known(tmp_path, header):
    products, events = header.split("|")
    data = load_data(write(tmp_path / "shop", products, events), settings=DataConfig(delimiter=";"))
    assert data.catalog.text("title") == NAMES
    assert data.catalog.frame["price"].to_list() == [1.5, 2.5, 3.5, 4.5]
    assert data.report.contexts["baskets"]["count"] == 8
    assert data.report.users["count"] == 3
