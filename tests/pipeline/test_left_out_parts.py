"""A bundle without parts that were left out: what it answers, and how the rest is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from goeswith.core.errors import BundleError, ConfigError, UnknownProductError
from goeswith.data.folder import load_data
from goeswith.pipeline.fit_bundle import fit_bundle
from goeswith.pipeline.updates.update_bundle import update_bundle
from goeswith.query.bundle import Bundle
from goeswith.settings.sections import FitSettings, Settings
from goeswith.store.manifest import REVERSE, SEARCH, SIMILARS, TRANSITIONS

FILES = {REVERSE, SEARCH, SIMILARS, TRANSITIONS}


@pytest.fixture(scope="module")
def path(shop_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("bundles") / "small"
    parts = FitSettings(
        model="cocitation", k=8, without=["session", "reverse", "similars", "search"]
    )
    fit_bundle(load_data(shop_folder), out, Settings(fit=parts))
    return out


def test_parts_are_left_out_and_the_manifest_says_so(path: Path, shop_bundle: Path) -> None:
    bundle = Bundle.open(path, verify=True)
    assert bundle.manifest["settings"]["fit"]["without"] == bundle.left_out
    assert not FILES & set(bundle.manifest["files"])
    assert set(Bundle.open(shop_bundle).manifest["files"]) >= {REVERSE, SEARCH, SIMILARS}
    assert bundle.manifest["session"]["why_not"] == "fit.without leaves out session"


def test_recommendations_are_those_of_a_complete_bundle(path: Path, shop_bundle: Path) -> None:
    small, complete = Bundle.open(path), Bundle.open(shop_bundle)
    for product_id in ("phone-1", "phone-2"):
        assert list(small.complements(product_id, 8)) == list(complete.complements(product_id, 8))


def test_what_needs_a_part_is_refused_with_its_name(path: Path) -> None:
    bundle = Bundle.open(path)
    for part, query in (
        ("reverse", lambda: bundle.reverse("phone-1", 4)),
        ("similars", lambda: bundle.similars("phone-1", 4)),
        ("search", lambda: bundle.search("phone", 4)),
    ):
        with pytest.raises(BundleError, match=rf"\(fit\.without\).*the part '{part}'"):
            query()
    with pytest.raises(ConfigError, match=r"fit\.without leaves out session"):
        bundle.session(["phone-1"], 4)
    with pytest.raises(UnknownProductError, match="phone-X"):
        bundle.complements("phone-X", 4)


def test_an_update_leaves_them_out_again(path: Path, tmp_path: Path) -> None:
    products = tmp_path / "products.csv"
    products.write_text("product_id,title,type\nphone-99,Phone 99,phone\n")
    update_bundle(path, products=products)
    assert not FILES & set(Bundle.open(path).manifest["files"])


def test_an_unknown_part_is_refused_before_the_data_are_read(run_command) -> None:
    code, _, errors = run_command("fit", "nowhere", "-o", "b", "--without", "session,pictures")
    assert code == 2
    assert "no part 'pictures' to leave out; it has session, reverse, similars, search" in errors
