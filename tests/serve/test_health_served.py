"""The health of recommendations over HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from goeswith.health.live_health import HealthReader
from goeswith.query.bundle import Bundle


def test_the_route_answers_the_same_and_needs_a_key(
    shop_bundle: Path, serve: Any, tmp_path: Path
) -> None:
    expected = HealthReader(Bundle.open(shop_bundle)).report().model_dump(mode="json")
    assert serve(shop_bundle).get("/v1/health/recommendations").json() == expected
    (tmp_path / "keys").write_text(f"shop:{'0' * 64}\n")
    closed = serve(shop_bundle, keys_file=str(tmp_path / "keys"))
    assert closed.get("/v1/health/recommendations").status_code == 401
    assert closed.get("/v1/health/live").status_code == 200
