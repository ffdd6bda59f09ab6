"""Frozen dataclasses made from their fields are those of the constructor."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields, replace
from pathlib import Path

import orjson
import pytest

from goeswith.core.frozen_fields import from_fields
from goeswith.query.bundle import Bundle
from goeswith.store.evidence import Link


def test_an_instance_is_equal_to_that_of_the_constructor() -> None:
    values = {"product_id": "a", "title": None, "type": "b", "with_source": 1, "with_target": 2}
    made, plain = from_fields(Link, dict(values)), Link("a", None, "b", 1, 2)
    assert made == plain
    assert hash(made) == hash(plain)
    assert repr(made) == repr(plain)
    assert orjson.dumps(made) == orjson.dumps(plain)
    assert replace(made, title="c").title == "c"
    with pytest.raises(FrozenInstanceError):
        made.title = "c"  # type: ignore[misc]


def test_answers_have_every_field_in_the_order_of_the_class(shop_bundle: Path) -> None:
    bundle = Bundle.open(shop_bundle)
    for product_id in [bundle.products.ids[row] for row in range(len(bundle))]:
        for answer in bundle.complements(product_id, 5):
            parts = (answer, answer.evidence, answer.evidence.link)
            for one in parts:
                if one is not None:
                    assert list(vars(one)) == [field.name for field in fields(one)]
                    assert type(one)(**vars(one)) == one
