"""Ids that stand for many people, and basket and session ids that are used again."""

from datetime import datetime, timedelta

import pytest

from goeswith.core.errors import DataError


def orders(guest, *, of=40, share=0.6, basket=True):
    """Orders of two products, the first `share` of them by `guest`."""
    lines = ["product_id,user_id,timestamp" + (",basket_id" if basket else "")]
    for i in range(of):
        user = guest if i < of * share else f"U{i}"
        for product in (f"P{i % 4}", f"Q{i % 4}"):
            line = f"{product},{user},2024-01-{1 + i % 28:02} 10:00:00"
            lines.append(line + (f",O{i}" if basket else ""))
    return {"events.csv": "\n".join(lines) + "\n"}


GUESTS = [
    *("0", "-1", "0.0", "000", "99999999", "00000000-0000-0000-0000-000000000000"),
    *("guest", "GUEST", "Anonymous", "walk-in", "Gast", "Laufkunde", "guest checkout"),
    *("guest@shop.example", "noreply@shop.example"),
    *("(not set)", "null", "None", "N/A", "undefined", "unknown", "-", "\\N"),
]


@pytest.mark.parametrize("guest", GUESTS)
def test_guests_count_as_orders_without_a_user(load, guest):
    data = load(orders(guest))
    assert data.events["user_id"].null_count() == 48
    assert data.events["basket_id"].n_unique() == 40


@pytest.mark.parametrize("user", ["X99", "WALKIN7", "shop@x.example"])
def test_a_user_with_most_orders_is_reported_and_may_be_named_a_guest(load, user):
    data = load(orders(user))
    assert f"user_id '{user}' owns 60% of the baskets" in data.report.notes[0]
    assert data.report.users["largest_share"] == 0.6
    assert load({}, ignore={"guests": [user]}).events["user_id"].null_count() == 48


def test_the_first_user_of_a_public_data_set_is_a_person(load):
    lines = ["product_id,user_id,basket_id", *(f"P{i % 3},{i % 10},B{i}" for i in range(100))]
    data = load({"events.csv": "\n".join(lines)})
    assert data.report.users["count"] == 10
    assert not data.report.notes


def test_guests_without_baskets_are_set_aside(load):
    with pytest.raises(DataError, match="stands for many guests, and there is no basket_id"):
        load(orders("0", basket=False))


def test_users_may_be_left_out(load):
    data = load(orders("staff-7"), ignore={"users": ["staff-*"]})
    assert data.report.contexts["baskets"]["count"] == 16


def receipts(  # one number of 13 each day in each shop
    *, user=True, store="store", days=9, shops=3, time=True, guests=False, name="basket_id"
):
    columns = [name, "product_id"]
    columns += ["user_id"] * user + ["timestamp"] * time + [store] * bool(store)
    lines, number = [",".join(columns)], 0
    for day in range(days):
        for shop in range(shops):
            for receipt in range(1, 14):
                when = datetime(2024, 1, 1 + day, 9 + receipt // 3, (receipt * 17 + shop * 7) % 60)
                person = "" if guests and number % 2 else f"u{number}"
                for product in (f"P{number % 4}", f"Q{number % 4}"):
                    row = [str(receipt), product] + [person] * user
                    lines.append(",".join(row + [str(when)] * time + [str(shop)] * bool(store)))
                number += 1
    return {"events.csv": "\n".join(lines) + "\n"}, number


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"store": None},
        {"guests": True},
        {"user": False},
        {"user": False, "store": "Filiale"},
        {"user": False, "store": "till_id"},
        {"user": False, "store": "Kasse"},
        {"user": False, "store": None},
        {"user": False, "store": None, "shops": 1, "days": 28},
        {"user": False, "name": "receipt_no"},
        {"user": False, "name": "Bon-Nr"},
    ],
)
def test_receipt_numbers_that_start_anew_are_one_basket_for_each_receipt(load, options):
    files, count = receipts(**options)
    data = load(files)
    assert data.report.contexts["baskets"]["count"] == count
    assert data.report.contexts["baskets"]["largest"] == 2
    assert any("basket_id" in note for note in data.report.notes)


def test_receipt_numbers_without_times_are_distinguished_by_shop(load):
    files, _ = receipts(user=False, time=False)
    data = load(files)
    assert data.report.contexts["baskets"]["count"] == 39
    assert "occur in several values of store" in data.report.notes[0]


def test_invoice_numbers_that_start_anew_every_year_are_one_basket_a_year(load):
    lines = ["invoice_no,product_id,timestamp"]
    for year in (2022, 2023, 2024):
        for i in range(50):
            lines += [f"{i},{p}{i % 3},{year}-03-{1 + i % 28:02} 10:00" for p in "ab"]
    assert load({"events.csv": "\n".join(lines)}).report.contexts["baskets"]["count"] == 150


def test_orders_with_few_late_lines_stay_one_basket(load):
    lines = ["order_id,product_id,timestamp"]
    for i in range(50):
        late = timedelta(days=3 if i % 10 == 0 else 0)
        lines += [
            f"{i},a{i % 3},{datetime(2024, 3, 1 + i % 20, 10)}",
            f"{i},b{i % 3},{datetime(2024, 3, 1 + i % 20, 10) + late}",
        ]
    assert load({"events.csv": "\n".join(lines)}).report.contexts["baskets"]["count"] == 50


def visits(name, user="user_id"):
    lines = [f"{user},{name},product_id,event,timestamp"]
    for person in range(20):
        for visit in (1, 2, 3):
            for k in range(3):
                event = "view" if k < 2 else "purchase"
                lines.append(
                    f"u{person},{visit},P{(person + k) % 5},{event},2024-01-0{visit} 1{k}:00"
                )
    return {"events.csv": "\n".join(lines)}


@pytest.mark.parametrize("name", ["session_id", "ga_session_id", "visit_number", "Session"])
@pytest.mark.parametrize("user", ["user_id", "user_pseudo_id", "visitor_id"])
def test_numbers_of_visits_are_one_session_for_each_user(load, name, user):
    assert load(visits(name, user)).report.contexts["sessions"]["count"] == 60


def test_a_visitor_who_logs_in_has_one_session(load):
    lines = ["user_id,session_id,product_id,event"]
    for s in range(50):
        first = f"cookie{s}" if s % 10 == 0 else f"u{s}"
        lines += [f"{first},s{s},a,view", f"u{s},s{s},b,view", f"u{s},s{s},b,purchase"]
    assert load({"events.csv": "\n".join(lines)}).report.contexts["sessions"]["count"] == 50


def test_a_session_without_a_user_at_first_stays_one(load):
    lines = ["user_id,session_id,product_id,event", ",s1,a,view", "u1,s1,b,view", ",s2,a,view"]
    assert load({"events.csv": "\n".join(lines)}).report.contexts["sessions"]["count"] == 2


def test_placeholders_are_no_basket(load):
    lines = ["basket_id,user_id,product_id"]
    lines += [f"{'(not set)' if i % 2 else f'B{i}'},u{i},P{i % 3}" for i in range(40)]
    data = load({"events.csv": "\n".join(lines)})
    assert data.report.contexts["baskets"]["count"] == 20
    assert data.events.height == 40


def test_numbers_of_few_users_on_many_days_are_one_basket_a_visit(load):
    lines = ["basket_id,user_id,product_id,timestamp"]
    for day in range(28):
        for receipt in range(13):
            row = f"{receipt},u{(day * 13 + receipt) % 10}"
            lines += [f"{row},{p}{receipt % 4},2024-01-{1 + day:02} 10:{receipt:02}" for p in "ab"]
    assert load({"events.csv": "\n".join(lines)}).report.contexts["baskets"]["count"] == 364


def test_numbers_of_sessions_that_start_anew_every_day_are_one_session_a_day(load):
    lines = ["session_id,product_id,event,timestamp"]
    for day in range(9):
        for number in range(13):
            lines += [f"{number},{p},view,2024-01-{1 + day:02} 10:{number:02}" for p in "ab"]
    assert load({"events.csv": "\n".join(lines)}).report.contexts["sessions"]["count"] == 117


def test_long_sessions_with_ids_of_their_own_stay_one(load):
    lines = ["session,aid,type,ts"]
    for session in range(50):
        start = 1_661_724_000_000 + session * 10**6
        step = 86_400_000 * (session % 3 + 1)
        lines += [f"{session},{(session + k) % 9},clicks,{start + k * step}" for k in range(4)]
    assert load({"events.csv": "\n".join(lines)}).report.contexts["sessions"]["count"] == 50
