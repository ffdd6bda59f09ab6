"""Files that `reader_mutations.py` mutates, and what reads each of them."""

from __future__ import annotations

import io
import json
import random
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from hostile_tables import FRAME
from shop_exports import Layout, orders, write

EVENTS: Final = b"product_id,user_id,basket_id\n" + b"".join(
    b"P-%02d,u%d,o%d\n" % (i % 12, i // 3, i // 3) for i in range(60)
)
_SHOPIFY: Final = (
    "Name", "Email", "Financial Status", "Created at", "Lineitem quantity", "Lineitem name",
    "Lineitem price", "Lineitem sku", "Cancelled at", "Tags",
)  # fmt: skip


def _lines(rows: list[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def _tables() -> dict[str, bytes]:
    """Events in every format, and the other tables."""
    files = {}
    rng = random.Random(3)
    lines = orders(rng, 150)
    with tempfile.TemporaryDirectory() as folder:
        for form in ("csv", "tsv", "jsonl", "xlsx", "csv.gz", "csv.zst", "csv.zip", "quoted"):
            path = write(Path(folder) / form, lines, Layout(form), rng)
            files[f"{form}/{path.name}"] = path.read_bytes()
        products = [
            {"product_id": f"P-{i:02d}", "title": f'Thing "{i}"; größe {i}', "type": f"t{i % 3}",
             "price": f"{i},50 €", "brand": "B", "variant_group": f"g{i // 2}",
             "categories": ["a", f"b{i}"], "in_stock": i % 2 == 0}
            for i in range(12)
        ]  # fmt: skip
        files["products/products.jsonl"] = _lines(products)
        for form in ("csv", "xlsx"):
            plain = [{**row, "categories": "a|b"} for row in products]
            path = write(Path(folder) / "products", plain, Layout(form), rng, "products")
            files[f"products/{path.name}"] = path.read_bytes()
    for compression in ("zstd", "snappy", "uncompressed"):
        buffer = io.BytesIO()
        FRAME.write_parquet(buffer, compression=compression)  # type: ignore[arg-type]
        files[f"{compression}/events.parquet"] = buffer.getvalue()
    files["relations/relations.csv"] = b"source,target,relation,weight\n" + b"".join(
        b"P-%02d,P-%02d,co_purchase,%d\n" % (i, (i + 1) % 12, 3 + i) for i in range(12)
    )
    return files


def _exports() -> dict[str, bytes]:
    """Files of shop systems and public data sets; the folder is the format of `goeswith import`."""
    orders_ = [
        f"#{1000 + i},a{i}@x.example,paid,2024-05-0{1 + i % 9} 10:00:00 +0200,1,Mug {i},9.50,M-{i}"
        f",,\n#{1000 + i},,,,2,Tea,4.00,T-{i % 3},,\n"
        for i in range(15)
    ]
    item = "<item><g:id>T{0}</g:id><g:title>Tent &amp; {0}</g:title><g:price>{0}.00 EUR</g:price>"
    feed = "".join(f"{item.format(i)}<g:brand>N</g:brand></item>" for i in range(15))
    hits = [
        {"event_name": name, "event_timestamp": str(1714550400000000 + 10**7 * i),
         "user_pseudo_id": f"u{i % 5}", "ecommerce": {"transaction_id": f"t{i}"},
         "event_params": [{"key": "ga_session_id", "value": {"int_value": str(i // 2)}}],
         "items": [{"item_id": f"P{i % 4}", "item_name": "Thing", "price": 9.5, "quantity": "1"},
                   {"item_id": f"P{(i + 1) % 4}", "item_name": "Thing"}]}
        for i in range(20) for name in ("view_item", "purchase")
    ]  # fmt: skip
    sessions = [
        {"session": i, "events": [{"aid": 5 + i, "ts": 1661724000278 + j, "type": "clicks"}
                                  for j in range(4)]}
        for i in range(20)
    ]  # fmt: skip
    tracked = [
        {"type": "track", "event": "Order Completed", "anonymousId": f"a{i}",
         "timestamp": "2024-05-01T10:00:00.000Z", "messageId": f"m{i}",
         "properties": {"order_id": f"o{i}", "products": [
             {"product_id": f"P{i % 4}", "quantity": 1, "price": 5},
             {"product_id": f"P{(i + 1) % 4}"}]}}
        for i in range(20)
    ]  # fmt: skip
    inter = "user_id:token\titem_id:token\ttimestamp:float\n" + "".join(
        f"u{i // 4}\ti{i % 7}\t{1661724000 + i}\n" for i in range(60)
    )
    return {
        "shopify/orders_export.csv": (",".join(_SHOPIFY) + "\n" + "".join(orders_)).encode(),
        "product-feed/feed.xml": (
            '<?xml version="1.0"?><rss xmlns:g="http://base.google.com/ns/1.0"><channel>'
            f"{feed}</channel></rss>"
        ).encode(),
        "ga4/events_20240501.json": _lines(hits),
        "otto/train.jsonl": _lines(sessions),
        "segment/tracks.json": _lines(tracked),
        "basket-lines/baskets.txt": b"".join(b"%d %d %d\n" % (i, i + 1, i % 5) for i in range(40)),
        "recbole/data.inter": inter.encode(),
        "one-hot/matrix.csv": b"id,a,b,c\n" + b"".join(b"%d,1,0,x\n" % i for i in range(20)),
    }


def _settings() -> dict[str, bytes]:
    """Files that people write."""
    rules = [
        {"id": f"r{i}", "action": "ban", "target": {"products": [f"P{i}"], "types": ["t"]}}
        for i in range(5)
    ]
    return {
        "settings/goeswith.toml": (
            b'[fit]\nmodel = "ease"\nk = 20\nfallbacks = ["popularity"]\n\n[data]\ndelimiter = ";"'
            b'\nzone = "Europe/Berlin"\n[data.columns]\nproduct_id = "sku"\n[data.events]\n'
            b'watch = "view"\n[serve]\nport = 8001\nrate = 50.5\norigins = ["https://x.example"]\n'
        ),
        "rules/rules.json": json.dumps({"version": 1, "rules": rules}).encode(),
        "labels/labels.csv": b"source,target,label,note\n"
        + b"".join(b'P%d,P%d,complement,"a ""b"""\n' % (i, i + 1) for i in range(20)),
        "kinds/kinds.csv": b"type,products,kind\n"
        + b"".join(b'"phones, %d",12,phone_case\ncases %d,3,none\n' % (i, i) for i in range(10)),
        "keys/keys": b"".join(b"shop-%d:%064x # of a shop\n" % (i, i * 10**70) for i in range(6)),
    }


def originals() -> dict[str, bytes]:
    """Name of a file, below the name of its reader -> content."""
    return _tables() | _exports() | _settings()


def read(name: str, path: Path) -> None:
    """Read a file as the command for it does.

    Raises:
        GoesWithError: it is refused.
    """
    import goeswith

    reader = name.partition("/")[0]
    if reader in _READERS:
        _READERS[reader](path)
        return
    if reader in {kind.partition("/")[0] for kind in _exports()}:
        from goeswith.data.importers.run_importer import import_tables

        import_tables(reader, [path], path.parent / "out")
        return
    if not path.name.startswith("events"):
        (path.parent / "events.csv").write_bytes(EVENTS)
    goeswith.load_data(path.parent)


def _read_settings(path: Path) -> None:
    from goeswith.settings.project_file import load_settings

    load_settings(path)


def _read_rules(path: Path) -> None:
    from goeswith.rules.rules_file import parse_rule, read_document

    for record in read_document(path):
        parse_rule(record, str(path))


def _read_labels(path: Path) -> None:
    from goeswith.rules.label_files import read_label_file

    read_label_file(path, "a")


def _read_keys(path: Path) -> None:
    from goeswith.serve.api_keys import read_keys

    read_keys(path)


def _read_kinds(path: Path) -> None:
    from goeswith.kinds.shop_map import read_map

    read_map(path)


_READERS: Final[dict[str, Callable[[Path], None]]] = {
    "settings": _read_settings,
    "rules": _read_rules,
    "labels": _read_labels,
    "keys": _read_keys,
    "kinds": _read_kinds,
}
