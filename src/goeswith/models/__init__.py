"""Models of which products go together: classes, and the same by name.

    >>> from goeswith import models
    >>> models.EASE(l2=200).config.l2
    200.0

Names are loaded when first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from goeswith.models.registry import Registry

if TYPE_CHECKING:
    from goeswith.models.base import ModelConfig, Recommender
    from goeswith.models.basket_counts import BasketForm
    from goeswith.models.cocitation import CoCitation
    from goeswith.models.copurchase import CoPurchase
    from goeswith.models.ease import EASE
    from goeswith.models.katz import Katz
    from goeswith.models.kind_links import KindLinks
    from goeswith.models.neural.daemon import Daemon
    from goeswith.models.neural.daemon_full_graph import DaemonFullGraph
    from goeswith.models.neural.directed_propagation import DirectedPropagation
    from goeswith.models.neural.dual_embedding import DualEmbedding
    from goeswith.models.neural.p_companion import PCompanion
    from goeswith.models.neural.p_companion_softmax import PCompanionSoftmax
    from goeswith.models.neural.product2vec import Product2Vec
    from goeswith.models.neural.product2vec_softmax import Product2VecSoftmax
    from goeswith.models.neural.typed_towers import TypedTowers
    from goeswith.models.popularity import Popularity, TypePopularity
    from goeswith.models.projection import Projection
    from goeswith.models.similar_complements import AttributeSimilarity, SimilarComplements
    from goeswith.models.slim import SLIM

_NEURAL: Final = "goeswith.models.neural."
_WHERE: Final = {
    "popularity": "goeswith.models.popularity:Popularity",
    "type_popularity": "goeswith.models.popularity:TypePopularity",
    "copurchase": "goeswith.models.copurchase:CoPurchase",
    "cocitation": "goeswith.models.cocitation:CoCitation",
    "katz": "goeswith.models.katz:Katz",
    "ease": "goeswith.models.ease:EASE",
    "slim": "goeswith.models.slim:SLIM",
    "baskets": "goeswith.models.basket_counts:BasketForm",
    "projection": "goeswith.models.projection:Projection",
    "kinds": "goeswith.models.kind_links:KindLinks",
    "zero_shot": "goeswith.ranking.zero_shot.zero_shot_model:ZeroShot",
    "similar_complements": "goeswith.models.similar_complements:SimilarComplements",
    "attribute_similarity": "goeswith.models.similar_complements:AttributeSimilarity",
    "daemon": f"{_NEURAL}daemon:Daemon",
    "daemon_full_graph": f"{_NEURAL}daemon_full_graph:DaemonFullGraph",
    "p_companion": f"{_NEURAL}p_companion:PCompanion",
    "p_companion_softmax": f"{_NEURAL}p_companion_softmax:PCompanionSoftmax",
    "typed_towers": f"{_NEURAL}typed_towers:TypedTowers",
    "product2vec": f"{_NEURAL}product2vec:Product2Vec",
    "product2vec_softmax": f"{_NEURAL}product2vec_softmax:Product2VecSoftmax",
    "directed_propagation": f"{_NEURAL}directed_propagation:DirectedPropagation",
    "dual_embedding": f"{_NEURAL}dual_embedding:DualEmbedding",
}

MODELS: Final[Registry[Recommender]] = Registry(
    "model", _WHERE, "goeswith.models", "goeswith.models.base:Recommender"
)
TRAINED: Final = tuple(name for name, where in _WHERE.items() if where.startswith(_NEURAL))
"""Models that are trained with torch."""
CLOSED_FORM: Final = tuple(name for name in _WHERE if name not in (*TRAINED, "zero_shot"))
"""Models in closed form. Those that combine others (the ranker, eccr) are entry points."""

model_class = MODELS.find
make_model = MODELS.make

_EXPORTS: Final = {
    **{
        where.partition(":")[2]: where.partition(":")[0]
        for where in _WHERE.values()
        if where.startswith("goeswith.models.")
    },
    "Recommender": "goeswith.models.base",
    "ModelConfig": "goeswith.models.base",
}

__all__ = [
    "CLOSED_FORM",
    "EASE",
    "MODELS",
    "SLIM",
    "TRAINED",
    "AttributeSimilarity",
    "BasketForm",
    "CoCitation",
    "CoPurchase",
    "Daemon",
    "DaemonFullGraph",
    "DirectedPropagation",
    "DualEmbedding",
    "Katz",
    "KindLinks",
    "ModelConfig",
    "PCompanion",
    "PCompanionSoftmax",
    "Popularity",
    "Product2Vec",
    "Product2VecSoftmax",
    "Projection",
    "Recommender",
    "SimilarComplements",
    "TypePopularity",
    "TypedTowers",
    "make_model",
    "model_class",
]


def __getattr__(name: str) -> Any:
    if name not in _EXPORTS:
        raise AttributeError(f"module 'goeswith.models' has no attribute {name!r}")
    return getattr(import_module(_EXPORTS[name]), name)


def __dir__() -> list[str]:
    return __all__
