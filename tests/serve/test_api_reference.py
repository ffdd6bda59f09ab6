"""The API reference: complete, and usable without any other host."""

from __future__ import annotations

import re
from typing import Any

from goeswith.serve.api_reference import reference_page


def test_the_reference_loads_nothing_from_other_hosts(client: Any) -> None:
    response = client.get("/docs")
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/html")
    assert "://" not in response.text
    assert "<script" not in response.text
    links = re.findall(r'(?:href|src)="([^"]*)"', response.text)
    assert links
    assert all(link == "openapi.json" or link.startswith("#") for link in links)
    assert "default-src 'none'" in response.headers["content-security-policy"]


def test_the_reference_has_every_route_schema_and_link(client: Any) -> None:
    schema, text = client.get("/openapi.json").json(), client.get("/docs").text
    for path in schema["paths"]:
        assert path in text
    targets = set(re.findall(r'id="([^"]+)"', text))
    assert targets == set(schema["components"]["schemas"])
    assert set(re.findall(r'href="#([^"]+)"', text)) <= targets


def test_the_reference_shows_ranges_and_defaults(client: Any) -> None:
    text = client.get("/docs").text
    assert "integer, 1 to 100, default 10" in text  # k of a search
    assert "integer or null, 0 to 10,000<" in text  # position of an event


def test_text_of_a_schema_is_escaped() -> None:
    page = reference_page(
        {
            "info": {"title": "<b>", "version": "1"},
            "paths": {"/<i>": {"get": {"description": "<u>", "responses": {}}}},
            "components": {"schemas": {}},
        }
    )
    assert not re.search("<[biu]>", page)


def test_there_is_no_second_reference(client: Any) -> None:
    assert client.get("/redoc").status_code == 404
