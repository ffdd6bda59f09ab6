"""Prices as shops of several countries write them: right, or not read and recorded."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goeswith.data.parsing.prices import prices


def read(values, decimal="auto"):
    return prices(pl.Series("price", values, dtype=pl.String), "products.csv", decimal).to_list()


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (["899,00 €", "1.299 €", "1.299,00 €"], [899, 1299, 1299]),
        (["12.50 USD", "CHF 1'299.00", "R$ 12,90"], [12.5, 1299, 12.9]),
        (["1.299", "2.499", "49.90"], [1.299, 2.499, 49.9]),
        (["1.299", "2.499", "49,90"], [1299, 2499, 49.9]),
        (["1.299", "2.499", "3.999"], [None, None, None]),
        (["1.299 €"], [None]),
        (["1.299 €", "5 €"], [None, 5]),
        (["$1,299", "$49.90"], [1299, 49.9]),
        (["1,299", "49"], [1299, 49]),
        (["1 299,00 kr", "49,90 kr"], [1299, 49.9]),
        (["1\u00a0299,00 €", "1\u202f299,00 €"], [1299, 1299]),
        (["1'299.00", "12.50"], [1299, 12.5]),
        (["CHF 1’299.–", "CHF 12.50"], [1299, 12.5]),
        (["EUR 12,50", "EUR 1.299"], [12.5, 1299]),
        (["12.50 USD", "1.299 EUR", "12,50 EUR"], [12.5, 1299, 12.5]),
        (["1.299.000 ₫", "2.499.000 ₫"], [1299000, 2499000]),
        (["₹1,29,900", "₹99.50"], [129900, 99.5]),
        (["€ 5,-", "€ 1.299,-", "5,—"], [5, 1299, 5]),
        (["kr. 1.299,00", "kr. 12,50"], [1299, 12.5]),
        (["Rs. 1,299", "US$ 12.50", "¥1,299", "1,299円"], [1299, 12.5, 1299, 1299]),
        (["0,99", "1.299,00"], [0.99, 1299]),
        (["0.500", "1.2345", ".99", ",99"], [0.5, 1.2345, 0.99, 0.99]),
        (["12,50", "12.50"], [12.5, 12.5]),
        (["-5,00 €", "(5,00 €)", "5,00- €"], [-5, None, None]),
        (["12.50-15.00", "2 for 5", "12/kg", "10%", "free", "12€50"], [None] * 6),
        (["1e3", "1.5e3", "1e-05"], [1000, 1500, 1e-05]),
    ],
)  # fmt: skip
def test_a_column_shows_its_decimal_mark(written, expected):
    assert read(written) == expected


def test_a_setting_decides_what_a_column_does_not_show():
    assert read(["1.299", "2.499"], ",") == [1299, 2499]
    assert read(["1.299", "2.499"], ".") == [1.299, 2.499]


def test_a_product_with_an_open_price_stays_and_is_recorded_with_the_remedy(load):
    products = 'product_id,price\na,1.299 €\nb,n/a\nc,"5 €"\n'
    data = load({"products.csv": products})
    assert data.catalog.frame["price"].to_list() == [None, None, 5.0]
    aside = dict(data.quarantine.rows.select("value", "reason").iter_rows())
    assert "Set decimal under [data]" in aside["1.299 €"]
    assert "not a valid number" in aside["n/a"]


def test_open_prices_of_events_are_noted(load):
    data = load({"events.csv": "product_id,basket_id,price\na,1,1.299 €\nb,1,\n"})
    assert "1 prices in events.csv are not read, such as '1.299 €'" in data.report.notes[0]


AMOUNTS = st.integers(0, 99_999_999).map(lambda cents: cents / 100)


@settings(max_examples=60, deadline=None)
@given(
    amounts=st.lists(AMOUNTS, min_size=1, max_size=6),
    form=st.sampled_from(["{:,.2f}", "{:,.2f} €", "$ {:,.2f}", "CHF {:,.2f}"]),
    marks=st.sampled_from([",.", ".,", " ,", "'.", "\u00a0,"]),
)
def test_prices_of_one_form_are_read_back(amounts, form, marks):
    swap = str.maketrans(",.", marks)
    written = [form.format(amount).translate(swap) for amount in amounts]
    assert read(written) == amounts


@settings(max_examples=80, deadline=None)
@given(st.lists(st.text("0123456789.,' €$-e", max_size=12), min_size=1, max_size=5))
def test_any_text_is_a_price_or_null(values):
    assert len(read(values)) == len(values)
