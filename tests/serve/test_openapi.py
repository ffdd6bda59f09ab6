"""The schema without a bundle is the one that a service returns."""

from __future__ import annotations

from typing import Any

from goeswith.serve.openapi import service_schema


def test_the_schema_needs_no_bundle_and_is_that_of_a_service(client: Any) -> None:
    schema, served = service_schema(), client.get("/openapi.json").json()
    assert set(schema["paths"]) - set(served["paths"]) == {"/v1/relevance"}
    schema["paths"].pop("/v1/relevance")
    assert schema["paths"] == served["paths"]
