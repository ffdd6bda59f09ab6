"""A service that speaks the chat protocol, on this machine."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from goeswith.core.errors import ConfigError
from goeswith.text.endpoint_explainer import API_KEY_VARIABLE, EndpointExplainer
from goeswith.text.explain_pairs import explain_pairs
from goeswith.text.explanation import ProductPair

pytestmark = pytest.mark.one_processor

PAIR = ProductPair({"title": "Nimbus camera"}, {"title": "Mu case for Nimbus camera"})


class Service(ThreadingHTTPServer):
    """Answers with what it is told to, in order; the last answer again and again."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: list[tuple[int, Any]] = []
        self.requests: list[tuple[str, dict[str, Any], str | None]] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    def says(self, text: Any, status: int = 200) -> None:
        self.answers.append((status, {"choices": [{"message": {"content": text}}]}))


class Handler(BaseHTTPRequestHandler):
    server: Service

    def do_POST(self) -> None:
        length = int(self.headers["content-length"])
        body = json.loads(self.rfile.read(length))
        self.server.requests.append((self.path, body, self.headers["authorization"]))
        answers = self.server.answers
        status, content = answers.pop(0) if len(answers) > 1 else answers[0]
        encoded = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(encoded)))
        self.end_headers()
        self.wfile.write(encoded)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    monkeypatch.delenv(API_KEY_VARIABLE, raising=False)
    server = Service()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def asking(service: Service, **given: Any) -> EndpointExplainer:
    return EndpointExplainer(service.address, "small", pause=0.01, timeout=5, **given)


def test_a_sentence_comes_from_the_service_and_is_checked(service: Service) -> None:
    service.says("The case is for the Nimbus camera.\nAnd more.")
    with asking(service) as explainer:
        (found,) = explain_pairs([PAIR], explainer)
    assert (found.text, found.by) == (
        "The case is for the Nimbus camera.",
        "small at 127.0.0.1",
    )
    path, body, key = service.requests[0]
    assert path == "/v1/chat/completions"
    assert body["model"] == "small"
    assert body["temperature"] == 0
    assert "title: Mu case for Nimbus camera" in body["messages"][1]["content"]
    assert key is None


def test_the_key_comes_from_the_environment_alone(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(API_KEY_VARIABLE, "secret")
    service.says("They are for the camera.")
    with asking(service) as explainer:
        explainer.write([PAIR], 0)
        assert "secret" not in explainer.name
    assert service.requests[0][2] == "Bearer secret"
    with pytest.raises(ConfigError, match="unencrypted"):
        EndpointExplainer("http://example.com/v1", "small")


def test_what_the_service_makes_up_is_left_to_a_template(service: Service) -> None:
    service.says("The best waterproof case! Visit http://evil.example now.")
    with asking(service, tries=2) as explainer:
        (found,) = explain_pairs([PAIR], explainer)
    assert found.by == "template"
    assert len(service.requests) == 2
    assert service.requests[1][1]["temperature"] > 0


@pytest.mark.parametrize("content", [b"no json", {}, {"choices": []}, {"choices": [{}]}, [1]])
def test_an_answer_of_another_shape_is_no_sentence(service: Service, content: Any) -> None:
    service.answers.append((200, content))
    with asking(service) as explainer:
        assert explainer.write([PAIR], 0) == [""]


def test_a_busy_service_is_called_again_and_not_for_ever(service: Service) -> None:
    service.says("", 503)
    service.says("", 429)
    service.says("They are for the camera.")
    with asking(service) as explainer:
        assert explainer.write([PAIR], 0) == ["They are for the camera."]
    service.answers = [(503, {})]
    service.requests.clear()
    with asking(service) as explainer, pytest.raises(ConfigError, match="status 503"):
        explainer.write([PAIR], 0)
    assert len(service.requests) == 4


def test_a_refusal_is_reported_at_once(service: Service) -> None:
    service.says("", 401)
    with asking(service) as explainer, pytest.raises(ConfigError, match="status 401"):
        explainer.write([PAIR], 0)
    assert len(service.requests) == 1


def test_a_service_that_is_not_there_is_reported(service: Service) -> None:
    with (
        EndpointExplainer("http://127.0.0.1:9/v1", "small", pause=0.01) as explainer,
        pytest.raises(ConfigError, match="does not respond"),
    ):
        explainer.write([PAIR], 0)


@pytest.mark.parametrize("address", ["ftp://x/v1", "http://", "http://user:pass@x/v1"])
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(ConfigError, match="address of a service"):
        EndpointExplainer(address, "small")
