from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
import update_kills

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="signals and limits of POSIX")


def test_disturbed_updates_count_every_basket_once(tmp_path: Path) -> None:
    result = update_kills.run(tmp_path, seconds=400, seed=4, most=len(update_kills.WAYS))
    assert result["disturbed_updates"] >= len(update_kills.WAYS)
    assert result["baskets_counted"] == result["baskets_sent_at_least_once"]
    assert result["builds_left"] == 1
