"""The models of a registry, described."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from goeswith.core.errors import ConfigError
from goeswith.models import MODELS, TRAINED
from goeswith.models.registry import Registry

_RECOMMENDS: Final = {
    "model": "complements",
    "session model": "next products",
    "shopper model": "next baskets",
}


def list_models(
    registry: Registry[Any] = MODELS, trained: Collection[str] = TRAINED
) -> list[dict[str, Any]]:
    """One record a model: name, what it recommends, the extra it needs, summary and settings.

    A model that cannot be imported is listed with the reason.
    """
    records = []
    for name in registry.names:
        record: dict[str, Any] = {
            "name": name,
            "recommends": _RECOMMENDS[registry.noun],
            "needs": "torch" if name in trained else "language" if name == "eccr" else None,
        }
        try:
            kind = registry.find(name)
        except ConfigError as error:
            records.append({**record, "summary": str(error), "settings": {}})
            continue
        summary = (kind.__doc__ or "").strip().splitlines()
        fields = kind.Config.model_fields.items()
        records.append(
            {
                **record,
                "summary": summary[0] if summary else "",
                "settings": {key: field.description for key, field in fields},
            }
        )
    return records
