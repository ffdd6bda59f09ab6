from __future__ import annotations

from pathlib import Path
from typing import Any

from goeswith.data.folder import load_data
from goeswith.pipeline.fit_bundle import fit_bundle
from goeswith.query.bundle import Bundle
from goeswith.query.constraints import Constraints
from goeswith.settings.sections import FitSettings, Settings

SESSION = "/v1/session?product=phone-4&product=phone-1"


def test_a_session_is_answered_as_the_library_does(client: Any, shop_bundle: Path) -> None:
    response = client.get(f"{SESSION}&k=5&per_type=2&where=price<=12").json()
    bundle = Bundle.open(shop_bundle)

    wanted = Constraints.from_text(["price<=12"], per_type=2)
    expected = bundle.session(["phone-4", "phone-1"], 5, wanted)
    assert response["session"] == ["phone-4", "phone-1"]
    assert response["bundle"] == bundle.id
    for line, answer in zip(response["next"], expected, strict=True):
        assert line["product_id"] == answer.product_id
        assert line["why"] == answer.why
        assert line["relation"] == answer.relation
        assert tuple(line["proposed_by"]) == answer.proposed_by
        assert (line["after"], line["followed"]) == (answer.after, answer.followed)


def test_the_service_tells_who_answers_sessions(client: Any, serve: Any) -> None:
    assert client.get("/v1/bundle").json()["session_model"] == "mixture"
    assert serve(live=False).get("/v1/bundle").json()["session_model"] is None


def test_a_session_that_cannot_be_answered_is_refused_with_what_to_do(
    client: Any, serve: Any, shop_folder: Path, tmp_path: Path
) -> None:
    assert client.get("/v1/session?product=fone-1").status_code == 404
    assert client.get("/v1/session").status_code == 422
    assert client.get("/v1/session?" + "product=phone-1&" * 51).status_code == 422
    dead = serve(live=False).get(SESSION)
    assert (dead.status_code, "serve.live = true" in dead.json()["detail"]) == (422, True)
    fit = FitSettings(model="popularity", fallbacks=[], session_model="none", k=3)
    fit_bundle(load_data(shop_folder), tmp_path / "b", Settings(fit=fit))
    bare = serve(tmp_path / "b")
    refused = bare.get(SESSION)
    assert refused.status_code == 422
    assert refused.headers["content-type"] == "application/problem+json"
    assert "no session model" in refused.json()["detail"]
    assert bare.get("/v1/bundle").json()["session_model"] is None
