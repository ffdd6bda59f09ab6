"""Models of the next product in a session, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from goeswith.models.registry import Registry

if TYPE_CHECKING:
    from goeswith.sessions.base import SessionModel

_NEURAL: Final = "goeswith.sessions.neural."
_WHERE: Final = {
    "frequent": "goeswith.sessions.frequent:Frequent",
    "successors": "goeswith.sessions.neighbours:Successors",
    "item_knn": "goeswith.sessions.neighbours:ItemKnn",
    "session_knn": "goeswith.sessions.session_knn:SessionKnn",
    "mixture": "goeswith.sessions.mixture:Mixture",
    "sasrec": _NEURAL + "sasrec:SasRec",
    "bert4rec": _NEURAL + "bert4rec:Bert4Rec",
    "hstu": _NEURAL + "hstu:Hstu",
    "tiger": _NEURAL + "tiger:Tiger",
}

SESSION_MODELS: Final[Registry[SessionModel]] = Registry("session model", _WHERE)
TRAINED: Final = tuple(name for name, where in _WHERE.items() if where.startswith(_NEURAL))
"""Models that are trained with torch."""
CLOSED_FORM: Final = tuple(name for name in SESSION_MODELS.names if name not in TRAINED)
