"""Feedback that arrives again, in whatever file or format, is counted once, and within a quota."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from goeswith.core.errors import BundleError, DataError
from goeswith.data.event_ids import drop_repeats, events_digest, no_hashes
from goeswith.pipeline.updates.update_bundle import update_bundle
from goeswith.query.bundle import Bundle
from goeswith.serve import feedback_log

DEPLOY = Path(__file__).parents[2] / "deploy"


def lines(visits: range, **more: Any) -> list[dict[str, Any]]:
    return [
        {
            "timestamp": f"2024-07-01T00:{visit:02d}:00+00:00",
            "event": "purchase",
            "product_id": product,
            "session_id": f"n{visit}",
            "event_id": f"{visit}-{product}",
            **more,
        }
        for visit in visits
        for product in ("phone-9", "tripod-9")
    ]


def write(path: Path, events: list[dict[str, Any]]) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(f"{json.dumps(event)}\n" for event in events))
    return path


def together(bundle: Path) -> int:
    return Bundle.open(bundle).complements("phone-9", 1)[0].evidence.bought_together


@pytest.fixture
def counted(shop_bundle: Path, tmp_path: Path) -> tuple[Path, Path]:
    """A bundle with six visits of a feedback folder in its counts, and that folder."""
    bundle, folder = Path(shutil.copytree(shop_bundle, tmp_path / "bundle")), tmp_path / "kept"
    write(folder / "feedback-a-1.jsonl", lines(range(6)))
    assert update_bundle(bundle, folder).events == 12
    assert together(bundle) == 6
    return bundle, folder


def test_events_that_are_sent_again_to_a_later_file_count_once(counted: Any) -> None:
    bundle, folder = counted
    write(folder / "feedback-b-2.jsonl", lines(range(3, 9)))
    done = update_bundle(bundle, folder)
    assert done.events == 6
    assert "6 lines skipped: sent twice" in done.notes
    assert together(bundle) == 9
    write(folder / "feedback-c-3.jsonl", lines(range(10)))
    assert update_bundle(bundle, folder).events == 2
    assert together(bundle) == 10


def test_a_file_that_was_renamed_is_not_counted_again(counted: Any) -> None:
    bundle, folder = counted
    file = folder / "feedback-a-1.jsonl"
    events = [{k: v for k, v in one.items() if k != "event_id"} for one in lines(range(20, 23))]
    write(folder / "feedback-b-2.jsonl", events)
    assert update_bundle(bundle, folder).events == 6
    file.rename(folder / "feedback-z-9.jsonl")
    (folder / "feedback-b-2.jsonl").rename(file)
    with pytest.raises(DataError):
        update_bundle(bundle, folder)
    file.rename(folder / "feedback-y-8.jsonl")
    with pytest.raises(DataError, match="already counted"):
        update_bundle(bundle, folder)
    with (folder / "feedback-y-8.jsonl").open("a") as more:
        more.writelines(f"{json.dumps(one)}\n" for one in lines(range(30, 31)))
    assert update_bundle(bundle, folder).events == 2


@pytest.mark.parametrize("form", ["csv", "parquet", "jsonl"])
def test_the_same_events_in_another_format_count_once(
    counted: Any, tmp_path: Path, form: str
) -> None:
    bundle, _ = counted
    frame = pl.DataFrame(lines(range(4, 8)))
    frame = frame.with_columns(pl.col("session_id").alias("basket_id"))
    path = tmp_path / f"events.{form}"
    getattr(frame, {"csv": "write_csv", "jsonl": "write_ndjson"}.get(form, "write_parquet"))(path)
    done = update_bundle(bundle, path)
    assert done.events == 4
    assert together(bundle) == 8
    with pytest.raises((DataError, BundleError), match="already counted"):
        update_bundle(bundle, path)
    frame.head(4).write_parquet(tmp_path / "part.parquet")
    with pytest.raises(DataError, match="every event of it is already counted"):
        update_bundle(bundle, tmp_path / "part.parquet")


def test_a_table_without_event_ids_is_recognised_in_another_format(
    counted: Any, tmp_path: Path
) -> None:
    bundle, _ = counted
    frame = pl.DataFrame(lines(range(40, 44))).drop("event_id")
    frame = frame.with_columns(pl.col("session_id").alias("basket_id"))
    frame.write_csv(tmp_path / "a.csv")
    shuffled = frame.sample(fraction=1, shuffle=True, seed=1)
    shuffled.with_columns(pl.col("timestamp").str.to_datetime(time_zone="UTC")).write_parquet(
        tmp_path / "b.parquet"
    )
    assert update_bundle(bundle, tmp_path / "a.csv").events == 8
    with pytest.raises(BundleError, match=r"as a\.csv"):
        update_bundle(bundle, tmp_path / "b.parquet")
    assert update_bundle(bundle, tmp_path / "b.parquet", again=True).events == 8


def test_new_products_leave_the_counted_events_known(counted: Any, tmp_path: Path) -> None:
    bundle, folder = counted
    pl.DataFrame({"product_id": ["new-1"], "title": ["New"], "type": ["case"]}).write_csv(
        tmp_path / "products.csv"
    )
    update_bundle(bundle, products=tmp_path / "products.csv")
    write(folder / "feedback-b-2.jsonl", lines(range(7)))
    assert update_bundle(bundle, folder).events == 2


def test_one_user_cannot_outvote_others_with_many_visits(shop_bundle: Path, tmp_path: Path) -> None:
    def votes(user: dict[str, str]) -> int:
        name = "-".join(user.values()) or "none"
        bundle = Path(shutil.copytree(shop_bundle, tmp_path / f"bundle-{name}"))
        events = lines(range(30), **user) + [
            one | {"user_id": f"other {i}"}
            for i in range(5)
            for one in lines(range(40 + i, 41 + i))
        ]
        folder = write(tmp_path / f"kept-{name}" / "feedback-a-1.jsonl", events).parent
        update_bundle(bundle, folder)
        return together(bundle)

    assert votes({"user_id": "one"}) == 6
    assert votes({}) == 35


def test_a_long_line_is_malformed_and_the_next_one_counts(
    shop_bundle: Path, tmp_path: Path
) -> None:
    bundle = Path(shutil.copytree(shop_bundle, tmp_path / "bundle"))
    file = write(tmp_path / "kept" / "feedback-a-1.jsonl", lines(range(3)))
    with file.open("a") as more:
        more.write('{"event": "' + "x" * 3_000_000 + '"}\n')
        more.writelines(f"{json.dumps(one)}\n" for one in lines(range(3, 5)))
        more.write('{"event": "half')
    done = update_bundle(bundle, file.parent)
    assert done.events == 10
    assert "1 lines skipped: malformed" in done.notes


def test_a_full_folder_refuses_feedback_and_says_what_to_do(
    serve: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "feedback-old-1.jsonl").write_bytes(b"x" * 999_900 + b"\n")
    client = serve(feedback=str(tmp_path), feedback_mb=1)
    body = {"events": [{"event": "click", "product_id": "case-1"}]}
    assert client.post("/v1/feedback", json=body).status_code == 202
    response = client.post("/v1/feedback", json=body)
    assert response.status_code == 507
    assert "serve.feedback_mb" in response.json()["detail"]
    (tmp_path / "feedback-old-1.jsonl").unlink()
    monkeypatch.setattr(feedback_log, "_SIZE_SECONDS", 0.0)
    client.app.state.feedback._size_at = 0.0
    assert client.post("/v1/feedback", json=body).status_code == 202


def test_deploy_files_take_no_feedback_without_keys() -> None:
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    given = compose["services"]["goeswith"]["environment"]
    assert "GOESWITH_SERVE_FEEDBACK" not in given or "GOESWITH_KEYS_FILE" in given
    for line in (DEPLOY / "goeswith.service").read_text().splitlines():
        assert not line.startswith("Environment=GOESWITH_SERVE_FEEDBACK")


EVENTS = st.lists(
    st.tuples(st.sampled_from(["s1", "s2", None]), st.sampled_from(["a", "b", "c", None])),
    max_size=12,
)


@given(EVENTS, EVENTS)
def test_repeats_are_dropped_as_by_a_set(first: list[Any], second: list[Any]) -> None:
    def frame(events: list[Any]) -> pl.DataFrame:
        schema = {"session_id": pl.String, "event_id": pl.String}
        return pl.DataFrame(events, schema=schema, orient="row")

    counted = no_hashes()
    seen: set[Any] = set()
    for events in (first, second):
        left, hashes = drop_repeats(frame(events), counted)
        expected = []
        for event in events:
            if event[1] is None or event not in seen:
                expected.append(event)
            if event[1] is not None:
                seen.add(event)
        assert left.rows() == expected
        counted = hashes


def test_the_digest_of_events_does_not_depend_on_their_order() -> None:
    frame = pl.DataFrame(
        {"product": [1, 2, 3], "event": ["view"] * 3, "session_id": ["a", "b", "c"]}
    )
    assert events_digest(frame) == events_digest(frame.reverse())
    assert events_digest(frame) != events_digest(frame.with_columns(product=pl.col("product") + 1))
