"""Variations of the cases that need a fit or an update; see `fault_variations.py`."""

from __future__ import annotations

import random
import shutil
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import goeswith
from goeswith.core.errors import GoesWithError
from goeswith.data.config import DataConfig
from goeswith.pipeline.fit_bundle import fit_bundle
from goeswith.pipeline.updates.update_bundle import update_bundle
from goeswith.query.bundle import Bundle
from goeswith.settings.sections import FitSettings, Settings
from shop_exports import Layout, Line, Result, any_layout, changed, orders, visits, write

NO_SETTINGS: Final = ("csv", "tsv", "jsonl", "parquet", "csv.gz", "crlf", "bom", "quoted", "utf16")


def fit(folder: Path, out: Path, **settings: Any) -> Bundle:
    """A bundle of a model that is quick to fit."""
    config = DataConfig(**settings)
    model = FitSettings(model="copurchase", session_model="none", keep_below_support=True)
    fit_bundle(goeswith.load_data(folder, settings=config), out, Settings(fit=model, data=config))
    return Bundle.open(out)


def _counted(bundle: Bundle) -> dict[tuple[str, str], int]:
    """How often each pair of products was bought, by the evidence of the recommendations."""
    return {
        (source, answer.product_id): answer.evidence.bought_together
        for source in (f"P-{i:02d}" for i in range(12))
        for answer in bundle.complements(source, 11)
    }


def _pairs(lines: list[Line]) -> Counter[tuple[str, str]]:
    baskets: dict[str, set[str]] = {}
    for line in lines:
        baskets.setdefault(line["basket_id"], set()).add(line["product_id"])
    return Counter((a, b) for basket in baskets.values() for a in basket for b in basket if a != b)


def overlapping_update(folder: Path, rng: random.Random, number: int) -> Result:
    """A rolling export in another form: what is counted already is not counted again."""
    lines = orders(rng, 150, users=500)
    cut = 10000 + rng.choice((60, 100, 140, 150, 0))
    layout = any_layout(rng)
    layout.form = rng.choice(NO_SETTINGS)
    fitted = [line for line in lines if int(line["basket_id"][1:]) < max(cut, 10060)]
    write(folder / "shop", fitted, layout, rng)
    fit(folder / "shop", folder / "bundle")
    later = [line for line in lines if int(line["basket_id"][1:]) >= 10020]
    if number % 3 == 0:
        rng.shuffle(later)
    second = Layout(rng.choice(NO_SETTINGS), layout.names, layout.time, layout.extra)
    table = write(folder / "later", later, second, rng)
    try:
        update_bundle(folder / "bundle", table)
    except GoesWithError as error:
        if set(map(str, later)) <= set(map(str, fitted)) and "already" in str(error):
            lines = fitted
        else:
            raise
    got, expected = _counted(Bundle.open(folder / "bundle")), _pairs(lines)
    wrong = {
        pair: (count, expected[pair])
        for pair, count in got.items()
        if count != expected[pair] and (count or expected[pair] >= 3)  # the minimum support
    }
    return not wrong, dict(list(wrong.items())[:3])


def small_daily_file(folder: Path, rng: random.Random, number: int) -> Result:
    """A small file of a day with a few bad rows, dates as in the fit."""
    order = ("%d/%m/%Y %H:%M:%S", "%m/%d/%Y %H:%M:%S", "%d.%m.%y %H:%M:%S")[number % 3]
    layout = Layout(time=order, names=any_layout(rng).names)
    lines = orders(rng, 150, users=500)
    write(folder / "shop", lines, layout, rng)
    fit(folder / "shop", folder / "bundle")
    day = [
        changed(line, basket_id=f"N{line['basket_id']}",
                timestamp=line["timestamp"].replace(year=2025, month=6, day=5))
        for line in orders(rng, 6)
    ]  # fmt: skip
    bad = rng.choice(("P-99", "(not set)", None, "unknown-7"))
    odd = [changed(day[0], product_id=bad), changed(day[1], timestamp=None)]
    table = write(folder / "day", day + odd, layout, rng)
    summary = update_bundle(folder / "bundle", table)
    aside = sum(int(row["rows"]) for row in summary.quarantine)
    return (summary.events, aside) == (len(day), 2), (summary.events, len(day), aside)


def _catalogue(folder: Path, rows: list[dict[str, Any]], rng: random.Random) -> None:
    layout = any_layout(rng, plain_names=True)
    layout.form = rng.choice(NO_SETTINGS)
    write(folder, rows, layout, rng, "products")


def titles_of_collections(folder: Path, rng: random.Random, number: int) -> Result:
    """One title and brand for products of several types: these are no variants."""
    lines = orders(rng, 30)
    pair = [
        changed(lines[0], product_id=id_, basket_id=f"X{n}", user_id=f"x{n}")
        for n in range(40)
        for id_ in ("P-00", "P-01")
    ]
    write(folder, lines + pair, any_layout(rng, plain_names=True), rng)
    title = ("Aurora", "Product", "N/A", "aurora", "Linea 1", "Kollektion Nord")[number % 6]
    types = ("bra", "brief") if number % 2 else ("shirt", "trousers")
    rows = [
        {"product_id": f"P-{i:02d}", "title": title if i < 2 else f"{title} {i}",
         "brand": "Lumi", "type": types[i % 2], "price": 20}
        for i in range(12)
    ]  # fmt: skip
    _catalogue(folder, rows, rng)
    answers = [answer.product_id for answer in fit(folder, folder / "out").complements("P-00", 3)]
    return answers[:1] == ["P-01"], answers


def sizes(folder: Path, rng: random.Random, number: int) -> Result:
    """Variants by a column or by their titles: one answer of each group."""
    group = ("variant_group", "item_group_id", "variant_group")[number % 3]
    marks = (("S", "M", "L"), ("38", "39", "40"), ("rot", "blau", "grün"))[number % 3]
    lines = []
    for n in range(200):
        style = rng.randrange(8)
        for kind in ("shirt", "trousers"):
            size = rng.randrange(3)
            lines.append({
                "product_id": f"{kind}-{style}-{size}", "basket_id": f"o{n}", "user_id": f"u{n}",
            })  # fmt: skip
    write(folder, lines, any_layout(rng, plain_names=True), rng)
    rows = [
        {"product_id": f"{kind}-{style}-{size}", "title": f"{kind} model {style} {marks[size]}",
         "type": kind, "brand": "Acme", group: f"{kind}{style}"}
        for kind in ("shirt", "trousers") for style in range(8) for size in range(3)
    ]  # fmt: skip
    _catalogue(folder, rows, rng)
    answers = [
        answer.product_id.rsplit("-", 1)[0]
        for answer in fit(folder, folder / "out").complements("shirt-3-0", 5)
    ]
    right = bool(answers) and answers[0] == "trousers-3" and len(set(answers)) == len(answers)
    return right, answers


def empty_fit(folder: Path, rng: random.Random, number: int) -> Result:
    """An export without a recommendation, over a bundle that has some."""
    layout = any_layout(rng, plain_names=True)
    layout.form = rng.choice(NO_SETTINGS)
    good = orders(rng, 100)
    write(folder / "good", good, layout, rng)
    before = _counted(fit(folder / "good", folder / "bundle"))
    bad = {
        0: visits(rng),
        1: [changed(line, event="cart") for line in good],
        2: [changed(line, basket_id=f"o{i}", user_id=f"u{i}") for i, line in enumerate(good)],
        3: [changed(good[0], product_id=f"Q{i}", basket_id=f"o{i // 300}") for i in range(6000)],
        4: [changed(line, product_id="P-01") for line in good],
        5: good[:4],
        6: [changed(line, status="cancelled") for line in good],
        7: [changed(line, timestamp=line["timestamp"] + timedelta(days=9000)) for line in good],
        8: [changed(line, quantity=-1) for line in good],
        9: [changed(line, product_id="(not set)") for line in good],
    }[number % 10]
    shutil.rmtree(folder / "bad", ignore_errors=True)
    write(folder / "bad", bad, layout, rng)
    try:
        fit(folder / "bad", folder / "bundle")
    except GoesWithError as error:
        return _counted(Bundle.open(folder / "bundle")) == before, f"refused: {error}"
    return False, "the bundle was replaced"
