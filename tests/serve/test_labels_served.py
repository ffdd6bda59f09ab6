"""What the page as a workplace needs of the service: labels, best sellers, permission, pictures."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from goeswith.settings.serve_settings import ServeSettings


@pytest.fixture
def own_bundle(shop_bundle: Path, tmp_path: Path) -> Path:
    """A copy of the bundle, which a test may change."""
    return Path(shutil.copytree(shop_bundle, tmp_path / "bundle"))


def label(client: Any, target: str, label: str) -> Any:
    new = {"source": "phone-1", "target": target, "label": label}
    return client.post("/v1/labels", json={"labels": [new]})


def test_labels_are_stored_and_withdrawn(serve: Any, own_bundle: Path) -> None:
    client = serve(own_bundle, editors=["*"])
    assert label(client, "case-1", "complement").json()["labels"][0]["at"]
    assert label(client, "case-2", "weak").status_code == 200
    assert label(client, "case-1", "substitute").status_code == 200
    assert label(client, "case-2", "none").status_code == 200
    stored = serve(own_bundle).get("/v1/labels?source=phone-1").json()["labels"]
    assert [(one["target"], one["label"]) for one in stored] == [("case-1", "substitute")]
    assert client.get("/v1/labels?source=case-1").json()["labels"] == []


def test_a_label_of_an_unknown_product_or_without_permission_is_refused(
    serve: Any, own_bundle: Path
) -> None:
    assert label(serve(own_bundle), "case-1", "weak").status_code == 403
    client = serve(own_bundle, editors=["*"])
    assert label(client, "case-99", "weak").status_code == 404
    assert label(client, "case-1", "great").status_code == 422
    assert client.get("/v1/labels").json()["labels"] == []


def test_the_bundle_says_whether_this_key_may_edit(serve: Any) -> None:
    response = serve().get("/v1/bundle").json()
    assert response["may_edit"] is False
    assert "serve.editors" in response["edit_refusal"]
    response = serve(editors=["*"]).get("/v1/bundle").json()
    assert (response["may_edit"], response["edit_refusal"]) == (True, None)


def test_best_sellers_are_those_bought_most_that_are_available(
    serve: Any, own_bundle: Path
) -> None:
    client = serve(own_bundle, editors=["*"])
    found = client.get("/v1/best-sellers?k=5").json()["products"]
    counts = [one["purchases"] for one in found]
    assert counts == sorted(counts, reverse=True)
    assert counts[-1] > 0
    first = found[0]["product_id"]
    client("PATCH", f"/v1/products/{first}", json={"attributes": {"visible": False}})
    again = client.get("/v1/best-sellers?k=4").json()["products"]
    assert [one["product_id"] for one in again] == [one["product_id"] for one in found[1:]]


def test_the_page_loads_pictures_of_the_listed_origins_only(serve: Any) -> None:
    policy = serve().get("/").headers["content-security-policy"]
    assert policy.endswith("img-src 'self'")
    client = serve(image_origins=["https://images.shop.example"])
    policy = client.get("/").headers["content-security-policy"]
    assert policy.endswith("img-src 'self' https://images.shop.example")
    for wrong in ("images.shop.example", "https://a.example/path", "https://a; script-src *", "*"):
        with pytest.raises(ValidationError, match="not an origin"):
            ServeSettings(image_origins=[wrong])
