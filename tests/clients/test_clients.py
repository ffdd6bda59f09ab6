"""The generated clients are those of the schema, and work."""

from __future__ import annotations

import re
import socket
import sys
import threading
import time
from collections.abc import Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import uvicorn

from goeswith.query.bundle import Bundle
from goeswith.serve.app import create_app
from goeswith.serve.openapi import service_schema
from goeswith.serve.routes.operations import OPERATIONS, TAGS
from goeswith.settings.serve_settings import ServeSettings

CLIENTS = Path(__file__).parents[2] / "clients"


def load(path: Path) -> ModuleType:
    spec = spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    return service_schema()


@pytest.fixture(scope="module")
def client(shop_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The Python client of a service of the small shop."""
    feedback = str(tmp_path_factory.mktemp("feedback"))
    app = create_app(shop_bundle, ServeSettings(log=False, feedback=feedback))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", access_log=False))
        thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.02)
        module = load(CLIENTS / "python" / "goeswith_client.py")
        yield module.GoesWithClient(f"http://127.0.0.1:{listening.getsockname()[1]}/")
        server.should_exit = True
        thread.join(10)


def test_the_clients_are_those_of_the_schema(schema: dict[str, Any]) -> None:
    generate = load(CLIENTS / "generate.py")
    remedy = "run python clients/generate.py"
    assert generate.PYTHON.read_text() == generate.python_client(schema), remedy
    assert generate.TYPESCRIPT.read_text() == generate.typescript_client(schema), remedy


def test_every_operation_has_a_stable_name_and_a_tag(schema: dict[str, Any]) -> None:
    names = [
        (method, path, operation["operationId"], operation.get("tags"))
        for path, methods in schema["paths"].items()
        for method, operation in methods.items()
    ]
    for method, path, name, tags in names:
        remedy = f"name {method} {path} in serve/routes/operations.py"
        assert OPERATIONS.get((method, path)) == (name, (tags or [None])[0]), remedy
    assert len({name for _, _, name, _ in names}) == len(names)
    assert {tags[0] for *_, tags in names if tags} <= set(TAGS)
    assert {(method, path) for method, path, *_ in names} == set(OPERATIONS)


def test_the_python_client_asks_a_service(client: Any, shop_bundle: Path) -> None:
    expected = [c.product_id for c in Bundle.open(shop_bundle).complements("phone-1", 3)]
    answer = client.complements("phone-1", k=3)
    assert [c["product_id"] for c in answer["complements"]] == expected
    filtered = client.complements("phone-1", where=["type=case", "price<=8"], include=["sold_out"])
    assert {c["type"] for c in filtered["complements"]} == {"case"}
    assert client.basket(["phone-1", "camera-1"], k=1)["basket"] == ["phone-1", "camera-1"]
    assert client.search("tripod 4", k=1)["products"][0]["product_id"] == "tripod-4"
    assert client.batch({"product_ids": ["phone-1"], "k": 1})["answers"][0]["complements"]
    sent = client.feedback({"events": [{"event": "click", "product_id": "case-1"}]})
    assert sent["accepted"] == 1
    assert "goeswith_bundle_products 50.0" in client.metrics()
    assert client.ready()["status"] == "ready"


def test_an_error_of_the_service_is_an_exception_with_the_problem(client: Any) -> None:
    problem = sys.modules["goeswith_client"].GoesWithProblem
    with pytest.raises(problem, match=r"404: no product 'a/b c'") as raised:
        client.product("a/b c")
    assert raised.value.problem["nearest"] is not None
    with pytest.raises(ValueError, match="begins with http"):
        type(client)("file:///etc")


def test_the_typescript_client_has_every_operation(schema: dict[str, Any]) -> None:
    text = (CLIENTS / "typescript" / "goeswith_client.ts").read_text()
    methods = set(re.findall(r"^  (\w+)\(.*\): Promise<", text, re.MULTILINE))
    assert {name for name, _ in OPERATIONS.values()} <= methods
    assert text.count("{") == text.count("}")
    for name in schema["components"]["schemas"]:
        assert f"export interface {name} {{" in text
