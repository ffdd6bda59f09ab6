"""Models of which products go together, by name. A module is imported when its model is asked for.

A model is written `name` or `name:key=value,key=value`, for example `copurchase:measure=lift`.
"""

from __future__ import annotations

from difflib import get_close_matches
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from goeswith.errors import ConfigError

if TYPE_CHECKING:
    from goeswith.models.base import Recommender

_WHERE: Final = {
    "popularity": "popularity:Popularity",
    "type_popularity": "popularity:TypePopularity",
    "copurchase": "copurchase:CoPurchase",
    "cocitation": "cocitation:CoCitation",
    "katz": "katz:Katz",
    "ease": "ease:Ease",
    "projection": "projection:Projection",
    "similar_complements": "similar_complements:SimilarComplements",
    "attribute_similarity": "similar_complements:AttributeSimilarity",
    "daemon": "neural.daemon:Daemon",
    "p_companion": "neural.p_companion:PCompanion",
    "typed_towers": "neural.typed_towers:TypedTowers",
    "product2vec": "neural.product2vec:Product2Vec",
    "directed_propagation": "neural.directed_propagation:DirectedPropagation",
    "dual_embedding": "neural.dual_embedding:DualEmbedding",
    "ranker": "goeswith.ranking.ranker:Ranker",
}

MODEL_NAMES: Final = tuple(_WHERE)
TRAINED: Final = tuple(name for name, where in _WHERE.items() if where.startswith("neural."))
"""Models that are trained with torch. The ranker grows trees; the others are in closed form."""
CLOSED_FORM: Final = tuple(name for name in MODEL_NAMES if name not in {*TRAINED, "ranker"})


def model_class(name: str) -> type[Recommender]:
    """The class of a model.

    Raises:
        ConfigError: no model has that name.
    """
    if name not in _WHERE:
        near = get_close_matches(name, MODEL_NAMES, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else "."
        raise ConfigError(f"there is no model {name!r}{hint} Models: {', '.join(MODEL_NAMES)}")
    module, attribute = _WHERE[name].split(":")
    found: type[Recommender] = getattr(
        import_module(module if module.startswith("goeswith.") else f"goeswith.models.{module}"),
        attribute,
    )
    return found


def make_model(spec: str, settings: dict[str, dict[str, Any]] | None = None) -> Recommender:
    """A model, not yet fitted.

    Args:
        spec: `name` or `name:key=value,...`; the values in it win over `settings`.
        settings: model name -> its settings, as in the `[models.NAME]` tables of a project file.
    """
    from pydantic import ValidationError

    name, _, given = spec.partition(":")
    kind = model_class(name)
    values = dict((settings or {}).get(name, {}))
    for item in filter(None, given.split(",")):
        key, equals, value = item.partition("=")
        if not equals:
            raise ConfigError(f"{spec!r}: write a setting as key=value, not {item!r}")
        values[key.strip()] = value.strip()
    try:
        return kind(kind.Config.model_validate(values))
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(map(str, e['loc']))}: {e['msg'].lower()} (got {e['input']!r})"
            for e in error.errors()
        )
        known = ", ".join(kind.Config.model_fields) or "none"
        raise ConfigError(f"model {name!r}: {wrong}. Its settings: {known}") from error
