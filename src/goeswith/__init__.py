"""goeswith: what goes with this product?

Names are loaded when first used, so that `import goeswith` costs next to nothing.

    >>> import goeswith
    >>> shop = goeswith.Catalog.from_records([{"product_id": "phone"}, {"product_id": "case"}])
    >>> len(shop)
    2
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from goeswith.data.catalog import Catalog
    from goeswith.data.folder import load_data
    from goeswith.relations.graph import RelationGraph

__version__ = "0.1.0"

_WHERE = {
    "Catalog": "goeswith.data.catalog",
    "RelationGraph": "goeswith.relations.graph",
    "load_data": "goeswith.data.folder",
}

__all__ = ["Catalog", "RelationGraph", "__version__", "load_data"]


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'goeswith' has no attribute {name!r}")
    return getattr(import_module(_WHERE[name]), name)


def __dir__() -> list[str]:
    return __all__
