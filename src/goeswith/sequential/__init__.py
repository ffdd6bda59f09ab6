"""Models of the next product in a session, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from goeswith.models.registry import Registry

if TYPE_CHECKING:
    from goeswith.sequential.base import SessionModel

_NEURAL: Final = "goeswith.sequential.neural."
_WHERE: Final = {
    "frequent": "goeswith.sequential.frequent:Frequent",
    "successors": "goeswith.sequential.item_knn:Successors",
    "item_knn": "goeswith.sequential.item_knn:ItemKnn",
    "session_knn": "goeswith.sequential.session_knn:SessionKnn",
    "mixture": "goeswith.sequential.mixture:Mixture",
    "session_trees": "goeswith.sequential.trees.session_trees:SessionTrees",
    "sasrec": _NEURAL + "sasrec:SasRec",
    "bert4rec": _NEURAL + "bert4rec:Bert4Rec",
    "hstu": _NEURAL + "hstu:Hstu",
    "tiger": _NEURAL + "tiger:Tiger",
}

SESSION_MODELS: Final[Registry[SessionModel]] = Registry(
    "session model", _WHERE, "goeswith.session_models", "goeswith.sequential.base:SessionModel"
)
TRAINED: Final = tuple(name for name, where in _WHERE.items() if where.startswith(_NEURAL))
"""Models that are trained with torch."""
CLOSED_FORM: Final = tuple(
    name for name in SESSION_MODELS.names if name not in (*TRAINED, "session_trees")
)
"""Models that are counted: all but those and the trees."""
