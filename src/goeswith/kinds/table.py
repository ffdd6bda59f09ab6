"""The table of product kinds: names, what goes with what, and what replaces what.

It is plain CSV under `table/` (CC0), a file a department, written from general knowledge: it is
knowledge, and never evidence of what a shop's customers did.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product
from typing import Final

VERSION: Final = "1.0"
"""Of the table's content; a manifest records it."""

ONE_WAY: Final = frozenset(
    {"accessory", "consumable", "part", "power", "protection", "storage", "care", "installation"}
)
"""Reasons of which the source is the main product: a link back needs a line of its own."""
FITS: Final = (
    "device",
    "model",
    "brand",
    "size",
    "mount",
    "voltage",
    "connector",
    "dimensions",
    "diet",
    "age",
    "skin",
    "hair",
    "vehicle",
    "material",
    "format",
    "colour",
    "species",
    "gender",
)
"""What may have to match between a product and one that goes with it."""
AUDIENCES: Final = (
    "women",
    "men",
    "girls",
    "boys",
    "baby",
    "kids",
    "adults",
    "dog",
    "cat",
    "bird",
    "fish",
    "small_animal",
    "horse",
)
_FOR_CHILDREN: Final = frozenset({"baby", "kids", "girls", "boys"})
USES: Final = ("durable", "consumable")

KIND_COLUMNS: Final = (
    "id",
    "name",
    "broader",
    "synonyms",
    "patterns",
    "confused_with",
    "use",
    "fits",
    "audience",
)
LINK_COLUMNS: Final = ("source", "target", "reason", "strength", "match")
ALTERNATIVE_COLUMNS: Final = ("a", "b")
NEVER_COLUMNS: Final = ("a", "b", "why")
NAME_COLUMNS: Final = ("id", "names")
SCENE_COLUMNS: Final = ("scene", "kinds", "also")
SCENE_GROUPS: Final = ("activities", "devices", "meals", "outfits", "rooms")
"""Files of scenes."""


@dataclass(frozen=True)
class Kind:
    """A kind of product: products that a shopper would take one instead of the other.

    Attributes:
        id: stable, snake_case.
        name: what a person calls it.
        department: the file that holds it.
        broader: id of the next broader kind; None for a department.
        synonyms: other names.
        patterns: further phrases by which titles name it (see `phrases.Phrase`).
        confused_with: ids of kinds that are easily mixed up with it.
        use: durable, consumable, or None for a group that no product has.
        fits: what a product that goes with it has to match.
        audience: whom it is for, where that is restricted.
    """

    id: str
    name: str
    department: str
    broader: str | None
    synonyms: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    confused_with: tuple[str, ...] = ()
    use: str | None = None
    fits: tuple[str, ...] = ()
    audience: tuple[str, ...] = ()

    @property
    def group(self) -> bool:
        """Whether it only groups other kinds."""
        return self.use is None

    @property
    def for_adults(self) -> bool:
        """Whether it is for adults only."""
        return "adults" in self.audience

    @property
    def for_children(self) -> bool:
        """Whether it is for babies and children only."""
        return bool(self.audience) and _FOR_CHILDREN.issuperset(self.audience)


@dataclass(frozen=True)
class KindLink:
    """A kind that goes with another, in this direction.

    Attributes:
        source: shoppers of it are shown
        target: this.
        reason: one of `REASONS`.
        strength: 3 where nearly everyone needs it, 2 where it is common, 1 where it is plausible.
        match: what has to match, of `FITS`.
    """

    source: str
    target: str
    reason: str
    strength: int
    match: tuple[str, ...] = ()


@dataclass(frozen=True)
class Scene:
    """Kinds that are used in one place or for one purpose: a room, a meal, an outfit, a hobby.

    Attributes:
        name: what a person calls it; unique.
        group: the file that holds it: rooms, meals and so on.
        kinds: ids of the kinds that belong to it.
        also: ids of kinds that are often there too; they count half.
    """

    name: str
    group: str
    kinds: tuple[str, ...]
    also: tuple[str, ...] = ()


@dataclass(frozen=True)
class KindTable:
    """Kinds and how they relate.

    Attributes:
        kinds: id -> kind, groups too.
        links: source id -> what goes with it, strongest first.
        alternatives: id -> ids of kinds that replace it; symmetric.
        never_together: pairs of ids, smaller first -> why they are never shown together.
        names: language -> id -> names of the kind in that language, the usual one first.
        scenes: rooms, meals, outfits and activities with their kinds.
    """

    kinds: Mapping[str, Kind]
    links: Mapping[str, tuple[KindLink, ...]] = field(default_factory=dict)
    alternatives: Mapping[str, frozenset[str]] = field(default_factory=dict)
    never_together: Mapping[tuple[str, str], str] = field(default_factory=dict)
    names: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)
    scenes: tuple[Scene, ...] = ()

    def link(self, source: str, target: str) -> KindLink | None:
        """The link from one kind to another; None where there is none."""
        return self._by_pair.get((source, target))

    @cached_property
    def _by_pair(self) -> dict[tuple[str, str], KindLink]:
        return {(link.source, link.target): link for links in self.links.values() for link in links}

    def replaces(self, kind: str, other: str) -> bool:
        """Whether products of the two are substitutes: of one kind, or of alternative kinds."""
        return kind == other or other in self.alternatives.get(kind, ())

    def forbidden(self, kind: str, other: str) -> str | None:
        """Why two kinds are never shown together; None where they may be.

        By a row of `never_together`, or because one is for adults and the other for children.
        """
        pair = (kind, other) if kind < other else (other, kind)
        why = self.never_together.get(pair)
        if why is not None:
            return why
        one, two = self.kinds[kind], self.kinds[other]
        if (one.for_adults and two.for_children) or (one.for_children and two.for_adults):
            return "wrong audience: one is for adults, the other for children"
        return None

    def forbidden_pairs(self, ids: Collection[str]) -> Iterator[tuple[str, str]]:
        """The pairs of some kinds that are never shown together; a pair may come twice."""
        chosen = set(ids)
        for pair in self.never_together:
            if chosen.issuperset(pair):
                yield pair
        adults = [kind for kind in ids if self.kinds[kind].for_adults]
        children = [kind for kind in ids if self.kinds[kind].for_children]
        yield from product(adults, children)

    def path(self, kind: str) -> list[str]:
        """The kind and its broader kinds, up to the department."""
        found = [kind]
        while (broader := self.kinds[found[-1]].broader) is not None:
            found.append(broader)
        return found
