"""The service does as its OpenAPI description says, whatever it is sent.

GOESWITH_TEST_EXAMPLES=500 sends as many requests to each route, for a longer look.
"""

from __future__ import annotations

import os
import shutil
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

EXAMPLES = int(os.environ.get("GOESWITH_TEST_EXAMPLES", "12"))
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
KNOWN = ["phone-1", "case-2", "camera-9", "protector-4"]
ROUTES = [
    ("get", "/metrics"),
    ("get", "/v1/basket"),
    ("post", "/v1/batch"),
    ("get", "/v1/best-sellers"),
    ("get", "/v1/bundle"),
    ("get", "/v1/compare"),
    ("post", "/v1/complements"),
    ("post", "/v1/feedback"),
    ("get", "/v1/health/live"),
    ("get", "/v1/health/ready"),
    ("get", "/v1/health/recommendations"),
    ("get", "/v1/kinds"),
    ("get", "/v1/kinds/{id}"),
    ("get", "/v1/labels"),
    ("post", "/v1/labels"),
    ("post", "/v1/products"),
    ("delete", "/v1/products/{product_id}"),
    ("get", "/v1/products/{product_id}"),
    ("patch", "/v1/products/{product_id}"),
    ("get", "/v1/products/{product_id}/complements"),
    ("post", "/v1/products/{product_id}/complements"),
    ("get", "/v1/products/{product_id}/question"),
    ("get", "/v1/products/{product_id}/reverse"),
    ("get", "/v1/products/{product_id}/similars"),
    ("get", "/v1/report"),
    ("get", "/v1/results"),
    ("get", "/v1/rules"),
    ("post", "/v1/rules"),
    ("get", "/v1/rules/history"),
    ("post", "/v1/rules/preview"),
    ("post", "/v1/rules/undo"),
    ("delete", "/v1/rules/{rule_id}"),
    ("get", "/v1/search"),
    ("get", "/v1/session"),
    ("get", "/v1/users/{user_id}/next"),
]


@pytest.fixture(scope="module")
def described(serve: Any, shop_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder: Path = tmp_path_factory.mktemp("kept")
    bundle = shutil.copytree(shop_bundle, folder / "bundle")
    settings = {
        "feedback": str(folder / "feedback"),
        "max_body": 20_000,
        "editors": ["*"],
        "hosts": ["testserver"],
    }
    app = serve(bundle, **settings).app
    # each request would be a life of the service, and the folder is let go at the end of the first
    app.router.lifespan_context = lambda _: nullcontext()
    return schemathesis.openapi.from_asgi("/openapi.json", app)


def known(data: st.DataObject, case: Any) -> None:
    """Have some requests be about products that there are, or most would be 404."""
    for given_, name in (
        (case.path_parameters, "product_id"),
        (case.query, "source"),
        (case.query, "target"),
        (case.query, "product"),
    ):
        if name in (given_ or {}) and data.draw(st.booleans()):
            given_[name] = data.draw(st.sampled_from(KNOWN))
    if "k" in (case.query or {}) and data.draw(st.booleans()):
        case.query["k"] = data.draw(st.integers(1, 8))


def test_every_route_of_the_description_is_tried(described: Any) -> None:
    found = [(each.ok().method, each.ok().path) for each in described.get_all_operations()]
    assert sorted(found, key=lambda route: (route[1], route[0])) == ROUTES


@pytest.mark.parametrize(("method", "path"), ROUTES)
@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
def test_answers_are_as_described(
    described: Any, method: str, path: str, mode: GenerationMode
) -> None:
    operation = described[path][method]
    if mode is GenerationMode.NEGATIVE and not (operation.query or operation.body):
        return  # any text is an id: nothing of these can be wrong

    @seed(5)
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode), data=st.data())
    def answers(case: Any, data: st.DataObject) -> None:
        known(data, case)
        case.call_and_validate(checks=CHECKS)

    answers()
