"""A fit warns of settings of slates that do nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from goeswith.data.catalog import Catalog
from goeswith.data.dataset import Dataset
from goeswith.pipeline.fit_bundle import fit_bundle
from goeswith.pipeline.signal_notes import slate_notes
from goeswith.query.bundle import Bundle
from goeswith.settings.sections import FitSettings, Settings, SlateSettings


@pytest.mark.parametrize(
    ("slate", "types", "note"),
    [
        ({"diversity": 0.3}, [None, None], "slate.diversity has no effect"),
        ({"diversity": 0.3, "per_type": 2}, [None, None], "diversity and slate.per_type have no"),
        ({"diversity": 0.3}, ["case", None], None),
        ({}, [None, None], None),
    ],
)
def test_settings_without_types_are_named(
    slate: dict[str, Any], types: list[str | None], note: str | None
) -> None:
    catalog = Catalog.from_records({"product_id": str(i), "type": t} for i, t in enumerate(types))
    notes = slate_notes(catalog, SlateSettings(**slate))
    assert [note in text for text in notes if note] == [True] * (note is not None)
    assert bool(notes) == (note is not None)


def test_the_note_is_in_the_manifest(tmp_path: Path) -> None:
    import polars as pl

    events = pl.DataFrame({"basket_id": [i // 2 for i in range(40)], "product_id": ["a", "b"] * 20})
    settings = Settings(fit=FitSettings(model="copurchase"), slate=SlateSettings(diversity=0.3))
    fit_bundle(Dataset.from_frames(events=events), tmp_path / "bundle", settings)
    notes = Bundle.open(tmp_path / "bundle").manifest["mining_notes"]
    assert any("slate.diversity has no effect" in note for note in notes)
