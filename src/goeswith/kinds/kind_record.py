"""A kind with everything that the table says of it, for the command line, HTTP and the site."""

from __future__ import annotations

from typing import Any

from goeswith.kinds.table import Kind, KindLink, KindTable


def kind_summary(kind: Kind) -> dict[str, Any]:
    """Id, name and place of a kind."""
    return {
        "id": kind.id,
        "name": kind.name,
        "department": kind.department,
        "broader": kind.broader,
        "group": kind.group,
    }


def kind_record(table: KindTable, kind: Kind) -> dict[str, Any]:
    """All of a kind: names, broader kinds, links in both directions, alternatives."""
    sources = [link for links in table.links.values() for link in links if link.target == kind.id]
    never = [
        (second if first == kind.id else first, why)
        for (first, second), why in table.never_together.items()
        if kind.id in (first, second)
    ]
    return {
        **kind_summary(kind),
        "path": table.path(kind.id)[1:],
        "synonyms": list(kind.synonyms),
        "names": {
            language: list(names[kind.id])
            for language, names in table.names.items()
            if kind.id in names
        },
        "use": kind.use,
        "audience": list(kind.audience),
        "fits": list(kind.fits),
        "confused_with": list(kind.confused_with),
        "goes_with": [
            link_record(table, link, link.target) for link in table.links.get(kind.id, ())
        ],
        "recommended_for": [
            link_record(table, link, link.source)
            for link in sorted(sources, key=lambda link: -link.strength)
        ],
        "alternatives": [
            {"id": other, "name": table.kinds[other].name}
            for other in sorted(table.alternatives.get(kind.id, ()))
        ],
        "never_together": [
            {"id": other, "name": table.kinds[other].name, "why": why} for other, why in never
        ],
    }


def link_record(table: KindTable, link: KindLink, end: str) -> dict[str, Any]:
    """A link, by the kind at one end of it."""
    return {
        "id": end,
        "name": table.kinds[end].name,
        "reason": link.reason,
        "strength": link.strength,
        "match": list(link.match),
    }
