"""Models of which products go together, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from goeswith.models.registry import Registry

if TYPE_CHECKING:
    from goeswith.models.base import Recommender

_NEURAL: Final = "goeswith.models.neural."
_WHERE: Final = {
    "popularity": "goeswith.models.popularity:Popularity",
    "type_popularity": "goeswith.models.popularity:TypePopularity",
    "copurchase": "goeswith.models.copurchase:CoPurchase",
    "cocitation": "goeswith.models.cocitation:CoCitation",
    "katz": "goeswith.models.katz:Katz",
    "ease": "goeswith.models.ease:Ease",
    "projection": "goeswith.models.projection:Projection",
    "similar_complements": "goeswith.models.similar_complements:SimilarComplements",
    "attribute_similarity": "goeswith.models.similar_complements:AttributeSimilarity",
    "daemon": f"{_NEURAL}daemon:Daemon",
    "p_companion": f"{_NEURAL}p_companion:PCompanion",
    "typed_towers": f"{_NEURAL}typed_towers:TypedTowers",
    "product2vec": f"{_NEURAL}product2vec:Product2Vec",
    "directed_propagation": f"{_NEURAL}directed_propagation:DirectedPropagation",
    "dual_embedding": f"{_NEURAL}dual_embedding:DualEmbedding",
    "ranker": "goeswith.ranking.ranker:Ranker",
    "eccr": "goeswith.language.eccr.eccr_model:Eccr",
}
_OVER_OTHERS: Final = ("ranker", "eccr")

MODELS: Final[Registry[Recommender]] = Registry("model", _WHERE)
MODEL_NAMES: Final = MODELS.names
TRAINED: Final = tuple(name for name, where in _WHERE.items() if where.startswith(_NEURAL))
"""Models that are trained with torch. The ranker grows trees, eccr orders its slates anew; the
others are in closed form."""
CLOSED_FORM: Final = tuple(name for name in MODEL_NAMES if name not in {*TRAINED, *_OVER_OTHERS})

model_class = MODELS.find
make_model = MODELS.make
