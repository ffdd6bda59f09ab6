from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from goeswith.core.errors import BundleError, DataError
from goeswith.data.folder import load_data
from goeswith.pipeline.fit_bundle import fit_bundle
from goeswith.pipeline.updates.update_bundle import update_bundle
from goeswith.query.bundle import Bundle
from goeswith.relations.config import MiningConfig
from goeswith.relations.graph_files import load_graph
from goeswith.settings.sections import FitSettings, Settings

K = 8
NEW = [
    {"product_id": "case-new", "title": "Case 1 slim", "type": "case", "brand": "brand 1"},
    {"product_id": "lamp-1", "title": "Lamp", "type": "lamp", "brand": "Lux"},
]


def fitted(folder: Path, out: Path, **fit: object) -> Path:
    fit_bundle(
        load_data(folder),
        out,
        Settings(fit=FitSettings.model_validate({"model": "cocitation", "k": K, **fit})),
    )
    return out


@pytest.fixture(scope="module")
def halves(shop_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A folder with the first visits of the shop, and a table of the events of the others."""
    folder = tmp_path_factory.mktemp("halves") / "first"
    shutil.copytree(shop_folder, folder)
    events = pl.read_parquet(folder / "events.parquet")
    late = pl.col("session_id").str.slice(1).cast(pl.Int64) >= 500
    events.filter(~late).write_parquet(folder / "events.parquet")
    rest = folder.parent / "late.parquet"
    events.filter(late).write_parquet(rest)
    return folder, rest


@pytest.fixture(scope="module")
def updated(halves: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A bundle of the first visits, with the others folded in; rare pairs kept."""
    folder, rest = halves
    out = fitted(folder, tmp_path_factory.mktemp("updated") / "b", keep_below_support=True)
    update_bundle(out, rest)
    return Bundle.open(out, verify=True)


@pytest.fixture
def copy(shop_bundle: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(shop_bundle, tmp_path / "bundle"))


@pytest.fixture
def table(tmp_path: Path) -> Path:
    pl.DataFrame(NEW).write_csv(tmp_path / "new.csv")
    return tmp_path / "new.csv"


def answers(bundle: Bundle, product: str, k: int = K) -> list[str]:
    return [answer.product_id for answer in bundle.complements(product, k)]


def test_an_update_counts_as_if_all_events_had_come_at_once(
    updated: Bundle, shop_bundle: Path
) -> None:
    whole = Bundle.open(shop_bundle)
    one, other = (load_graph(b.folder / "relations", len(b)) for b in (updated, whole))
    for name, relation in other.relations.items():
        assert (one[name].count != relation.count).nnz == 0
        assert one[name].contexts == relation.contexts
    # what auto stood for when the bundle was made is what an update asks for
    least = updated.manifest["settings"]["relations"]["min_co_purchase"]
    assert least == whole.manifest["settings"]["relations"]["min_co_purchase"] == 3
    # and the order of pairs is decided again, with the types of the catalogue
    assert one.types.tolist() == other.types.tolist()
    assert one.complements.frame().equals(other.complements.frame())
    for product in ("phone-1", "camera-4", "case-0", "tripod-9"):
        for one_, other_ in zip(
            updated.complements(product, K), whole.complements(product, K), strict=True
        ):
            # a customer of both files counts twice: an upper bound
            assert (one_.evidence.customers or 0) >= (other_.evidence.customers or 0)
            same = {"customers": None, "strength": None}
            evidence = replace(one_.evidence, **same), replace(other_.evidence, **same)
            assert evidence[0] == evidence[1]
            changed = {"evidence": evidence[0], "why": "", "explanation": None}
            assert replace(one_, **changed) == replace(other_, **changed)


def test_the_manifest_of_an_update_names_the_files_that_it_counted(
    updated: Bundle, halves: tuple[Path, Path]
) -> None:
    applied = updated.manifest["data"]["applied"]
    assert [entry["file"] for entry in applied] == ["events.parquet", "late.parquet"]
    assert updated.manifest["mined"][0]["contexts"] > 500


def test_the_same_events_are_counted_once_unless_requested_again(
    updated: Bundle, halves: tuple[Path, Path], tmp_path: Path
) -> None:
    folder, rest = halves
    bundle = Path(shutil.copytree(updated.path, tmp_path / "b"))
    renamed = shutil.copy(rest, tmp_path / "other.parquet")
    for file in (rest, Path(renamed), folder / "events.parquet"):
        with pytest.raises(BundleError, match=r"already counted in .*, as .*--again"):
            update_bundle(bundle, file)
    assert Bundle.open(bundle).id == updated.id
    update_bundle(bundle, rest, again=True)
    before, after = (
        load_graph(b.folder / "relations", len(b))["co_purchase"]
        for b in (updated, Bundle.open(bundle))
    )
    assert after.contexts > before.contexts


def test_events_of_unknown_products_are_set_aside_and_counted(copy: Path, tmp_path: Path) -> None:
    rows = [
        {"session_id": f"n{i}", "basket_id": f"n{i}", "product_id": product, "event": "purchase"}
        for i in range(40)
        for product in ("phone-0", "tripod-0")
    ]
    rows.append({**rows[0], "product_id": "unheard-of"})
    pl.DataFrame(rows).write_csv(tmp_path / "events.csv")
    before = Bundle.open(copy)
    assert "tripod-0" not in answers(before, "phone-0", 3)
    done = update_bundle(copy, tmp_path / "events.csv")
    assert done.events == 80
    assert [row["reason"] for row in done.quarantine] == ["product_id is not in the catalogue"]
    assert any("keep_below_support" in note for note in done.notes)
    after = Bundle.open(copy)
    recommended = {answer.product_id: answer for answer in after.complements("phone-0", K)}
    assert recommended["tripod-0"].evidence.bought_together == 40
    pl.DataFrame([rows[-1]] * 9 + rows[:9]).write_csv(tmp_path / "worse.csv")
    with pytest.raises(DataError, match="9 of 18 rows have products that are not in the bundle"):
        update_bundle(copy, tmp_path / "worse.csv")
    assert Bundle.open(copy).id == after.id


def test_events_in_contexts_of_another_kind_are_refused(copy: Path, tmp_path: Path) -> None:
    rows = [
        {"session_id": "s", "product_id": p, "event": "purchase"} for p in ("phone-0", "case-0")
    ]
    pl.DataFrame(rows).write_csv(tmp_path / "events.csv")
    with pytest.raises(DataError, match="counted in sessions, and the bundle counts it in baskets"):
        update_bundle(copy, tmp_path / "events.csv")


def test_a_bundle_of_lists_takes_no_events(tmp_path: Path, halves: tuple[Path, Path]) -> None:
    data = tmp_path / "lists"
    data.mkdir()
    pairs = {"source": ["a", "b"], "target": ["b", "c"], "relation": ["also_bought"] * 2}
    pl.DataFrame(pairs).write_csv(data / "relations.csv")
    out = fitted(data, tmp_path / "b", model="copurchase:measure=count", fallbacks=[])
    with pytest.raises(BundleError, match="fitted from lists of relations"):
        update_bundle(out, halves[1])


def test_counts_that_age_take_no_events(halves: tuple[Path, Path], tmp_path: Path) -> None:
    settings = Settings(
        fit=FitSettings(model="copurchase", fallbacks=[], k=K, keep_below_support=True),
        relations=MiningConfig(half_life_days=30, min_co_purchase=3),
    )
    fit_bundle(load_data(halves[0]), tmp_path / "b", settings)
    with pytest.raises(BundleError, match="half_life_days"):
        update_bundle(tmp_path / "b", halves[1])
    # support is of contexts, whatever they weigh
    kept = load_graph(Bundle.open(tmp_path / "b").folder / "relations", 50)["co_purchase"]
    assert kept.seen is not None
    assert kept.seen.min() >= settings.relations.min_co_purchase


def test_what_is_no_bundle_does_not_become_one(tmp_path: Path, table: Path) -> None:
    with pytest.raises(BundleError, match="no such folder"):
        update_bundle(tmp_path / "nowhere", None, table)
    assert not (tmp_path / "nowhere").exists()


def test_added_products_are_answered_and_proposed_without_training(copy: Path, table: Path) -> None:
    before = Bundle.open(copy)
    known = before.table.frame["product_id"].to_list()
    done = update_bundle(copy, None, table)
    assert (done.products, done.existing) == (2, 0)
    bundle = Bundle.open(copy, verify=True)
    assert len(bundle) == 52
    recommended = bundle.complements("case-new", K)
    assert len(recommended) == K
    assert recommended[0].type == "protector"
    assert {answer.model for answer in recommended} <= set(before.models)
    # beside the case that it is most like
    lists = {p: answers(bundle, p) for p in known}
    holders = [product for product, found in lists.items() if "case-new" in found]
    assert holders
    for product in holders:
        place = lists[product].index("case-new")
        assert lists[product][place - 1] == "case-1"
        answer = bundle.complements(product, K)[place]
        assert (answer.model, answer.fallback) == ("stand_in", True)
        assert len(set(lists[product])) == K
    # nothing is like the lamp
    assert not any("lamp-1" in found for found in lists.values())
    assert bundle.complements("lamp-1", K)
    model_counts = bundle.manifest["health"]["answers"]
    assert model_counts["stand_in"] == len(holders)


def test_adding_the_same_products_again_is_reported(copy: Path, table: Path) -> None:
    update_bundle(copy, None, table)
    with pytest.raises(DataError, match="every product of it is in the bundle already"):
        update_bundle(copy, None, table)
    pl.DataFrame([*NEW, {**NEW[0], "product_id": "case-newer"}]).write_csv(table)
    done = update_bundle(copy, None, table)
    assert (done.products, done.existing) == (1, 2)
    bundle = Bundle.open(copy)
    assert bundle.product("case-newer")["type"] == "case"
    # two products that share title and brand are variants
    assert "case-newer" not in answers(bundle, "case-new")
    assert bundle.scorer.load()


def test_an_update_answers_for_products_that_were_added(
    copy: Path, table: Path, tmp_path: Path
) -> None:
    update_bundle(copy, None, table)
    rows = [
        {"session_id": f"n{i}", "basket_id": f"n{i}", "product_id": product, "event": "purchase"}
        for i in range(9)
        for product in ("lamp-1", "tripod-0", "lamp-2")
    ]
    pl.DataFrame(rows).write_csv(tmp_path / "events.csv")
    pl.DataFrame([{"product_id": "lamp-2", "title": "Torch"}]).write_csv(tmp_path / "more.csv")
    done = update_bundle(copy, tmp_path / "events.csv", tmp_path / "more.csv")
    assert (done.events, done.products) == (27, 1)
    bundle = Bundle.open(copy)
    assert set(answers(bundle, "lamp-1", 2)) == {"tripod-0", "lamp-2"}
    assert any("case-new" in answers(bundle, f"phone-{i}") for i in range(10))


def test_products_of_an_update_are_proposed_though_no_event_names_them(
    copy: Path, table: Path, tmp_path: Path
) -> None:
    rows = [
        {"session_id": "n", "basket_id": "n", "product_id": product, "event": "purchase"}
        for product in ("phone-1", "case-1")
    ]
    pl.DataFrame(rows).write_csv(tmp_path / "events.csv")
    update_bundle(copy, tmp_path / "events.csv", table)
    bundle = Bundle.open(copy)
    assert any("case-new" in answers(bundle, f"phone-{i}") for i in range(10))


def test_a_product_given_by_attributes_is_answered_as_one_that_is_added(
    copy: Path, table: Path
) -> None:
    live = Bundle.open(copy).complements_of_new(NEW[0], K)
    update_bundle(copy, None, table)
    added = Bundle.open(copy).complements("case-new", K)
    assert [a.product_id for a in live] == [a.product_id for a in added]
    assert [a.model for a in live] == [a.model for a in added]


def test_the_sentence_of_a_new_product_calls_it_by_what_is_known(shop_bundle: Path) -> None:
    bundle = Bundle.open(shop_bundle)
    for attributes, name in (
        ({"type": "camera"}, "the new camera"),
        ({"type": "camera", "title": "Zoom 3"}, "Zoom 3"),
        ({"type": "camera", "product_id": "z3"}, "camera z3"),
    ):
        [recommended] = bundle.complements_of_new(attributes, 1)
        assert recommended.type == "tripod"
        assert recommended.why.endswith(f", of the same type as {name}.")


def test_attributes_that_the_catalogue_does_not_know_are_refused(copy: Path) -> None:
    bundle = Bundle.open(copy)
    for wrong, message in (
        ({"titel": "x"}, "did you mean 'title'"),
        ({"title": ["x", "y"]}, "holds List"),
        ({"title": {"a": 1}}, "cannot be read"),
        ({"price": "cheap"}, "not a valid number"),
        ({"product_id": "phone-1"}, "is in the catalogue"),
        ({"title": "x" * 60_000}, "longer than 50,000"),
    ):
        with pytest.raises(DataError, match=message):
            bundle.complements_of_new(wrong, 3)


def test_trained_vectors_stay_and_new_products_have_none(
    halves: tuple[Path, Path], tmp_path: Path, table: Path
) -> None:
    model = "directed_propagation:max_epochs=2,dimension=8"
    out = fitted(halves[0], tmp_path / "b", model=model, fallbacks=["similar_complements"])
    before = Bundle.open(out).lookup("phone-1", 3)
    update_bundle(out, halves[1], table)
    bundle = Bundle.open(out)
    assert [hit for hit in bundle.lookup("phone-1", 4) if hit.model != "stand_in"][:3] == before
    assert {a.model for a in bundle.complements("case-new", K)} == {"similar_complements"}
    assert json.loads((out / "manifest.json").read_text())["models"][0] == model
