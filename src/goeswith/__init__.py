"""goeswith: what goes with this product?

    import goeswith as gw

    data = gw.load_data("shop")
    bundle = gw.fit(data, out="bundle")
    bundle.complements("22423", k=5).to_frame()

Names are loaded when first used, so that the import costs next to nothing.

    >>> import goeswith as gw
    >>> shop = gw.Catalog.from_records([{"product_id": "phone"}, {"product_id": "case"}])
    >>> len(shop)
    2
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from goeswith.core.version import __version__

if TYPE_CHECKING:
    from goeswith import models
    from goeswith.api import benchmark, fit
    from goeswith.api import open_bundle as open  # noqa: A004
    from goeswith.core.errors import GoesWithError
    from goeswith.data.catalog import Catalog
    from goeswith.data.dataset import Dataset
    from goeswith.data.folder import load_data
    from goeswith.query.bundle import Bundle
    from goeswith.relations.graph import RelationGraph

_WHERE = {
    "Bundle": "goeswith.query.bundle:Bundle",
    "Catalog": "goeswith.data.catalog:Catalog",
    "Dataset": "goeswith.data.dataset:Dataset",
    "GoesWithError": "goeswith.core.errors:GoesWithError",
    "RelationGraph": "goeswith.relations.graph:RelationGraph",
    "benchmark": "goeswith.api:benchmark",
    "fit": "goeswith.api:fit",
    "load_data": "goeswith.data.folder:load_data",
    "models": "goeswith.models:",
    "open": "goeswith.api:open_bundle",
}

__all__ = [
    "Bundle",
    "Catalog",
    "Dataset",
    "GoesWithError",
    "RelationGraph",
    "__version__",
    "benchmark",
    "fit",
    "load_data",
    "models",
    "open",
]


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'goeswith' has no attribute {name!r}")
    module, _, attribute = _WHERE[name].partition(":")
    found = import_module(module)
    return getattr(found, attribute) if attribute else found


def __dir__() -> list[str]:
    return __all__
