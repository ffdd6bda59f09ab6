"""How two kinds relate in the table of kinds, as features of a pair of products."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy import sparse

from goeswith.core.arrays import Floats, Sparse
from goeswith.kinds.link_reasons import REASONS
from goeswith.kinds.table import SCENE_GROUPS, KindTable
from goeswith.kinds.table_reader import load_table


def kind_relations(ids: list[str]) -> dict[str, Floats]:
    """Name -> (K + 1, K + 1) relation of two kinds; the last row and column are of no kind.

    Args:
        ids: K ids of kinds of the table.
    """
    table, size = load_table(), len(ids) + 1
    code = {kind: i for i, kind in enumerate(ids)}
    names = [
        *(f"link: {reason}" for reason in REASONS),
        *(f"link back: {reason}" for reason in REASONS),
        "same kind",
        "alternative",
        "forbidden",
        "same group",
        "same department",
        "unknown kind",
        "targets of source",
        "sources of target",
        "neighbours",
        *(f"scene: {group}" for group in SCENE_GROUPS),
    ]
    found = {name: np.zeros((size, size), dtype=np.float32) for name in names}
    into: dict[str, int] = {}
    for links in table.links.values():
        for link in links:
            into[link.target] = into.get(link.target, 0) + 1
    for kind, i in code.items():
        found["same kind"][i, i] = 1
        for link in table.links.get(kind, ()):
            if link.target in code:
                j = code[link.target]
                found[f"link: {link.reason}"][i, j] = link.strength / 3
                found[f"link back: {link.reason}"][j, i] = link.strength / 3
        for other in table.alternatives.get(kind, ()):
            if other in code:
                found["alternative"][i, code[other]] = 1
        found["targets of source"][i, :-1] = np.log1p(len(table.links.get(kind, ())))
        found["sources of target"][:-1, i] = np.log1p(into.get(kind, 0))
    for first, second in table.forbidden_pairs(ids):
        found["forbidden"][code[first], code[second]] = 1
        found["forbidden"][code[second], code[first]] = 1
    paths = [table.path(kind) for kind in ids]
    for name, place in (("same group", 1), ("same department", -1)):
        of = np.array([path[min(place, len(path) - 1)] for path in paths], dtype=object)
        found[name][:-1, :-1] = of[:, None] == of[None]
    apart = (found["same kind"] + found["alternative"])[:-1, :-1] == 0
    found["neighbours"][:-1, :-1] = _cosines(_linked(table, ids)) * apart
    for group in SCENE_GROUPS:
        found[f"scene: {group}"][:-1, :-1] = _cosines(_in_scenes(table, ids, group)) * apart
    found["unknown kind"][-1], found["unknown kind"][:, -1] = 1, 1
    return found


def _linked(table: KindTable, ids: list[str]) -> Sparse:
    """(K, V) strengths of the links of each kind with all kinds, in the stronger direction."""
    row = {kind: i for i, kind in enumerate(ids)}
    column = {kind: i for i, kind in enumerate(table.kinds)}
    strength: dict[tuple[int, int], int] = {}
    for links in table.links.values():
        for link in links:
            for one, other in ((link.source, link.target), (link.target, link.source)):
                if one in row:
                    place = row[one], column[other]
                    strength[place] = max(strength.get(place, 0), link.strength)
    return _matrix(strength, (len(ids), len(column)))


def _in_scenes(table: KindTable, ids: list[str], group: str) -> Sparse:
    """(K, S) whether each kind is in a scene of a group: 1, and 0.5 for what is there too."""
    row = {kind: i for i, kind in enumerate(ids)}
    scenes = [scene for scene in table.scenes if scene.group == group]
    member = {
        (row[kind], i): weight
        for i, scene in enumerate(scenes)
        for kinds, weight in ((scene.kinds, 1.0), (scene.also, 0.5))
        for kind in kinds
        if kind in row
    }
    return _matrix(member, (len(ids), len(scenes)))


def _matrix(values: Mapping[tuple[int, int], float], shape: tuple[int, int]) -> Sparse:
    places = np.array(list(values), dtype=np.int64).reshape(-1, 2)
    numbers = np.array(list(values.values()), dtype=np.float64)
    return sparse.csr_matrix((numbers, (places[:, 0], places[:, 1])), shape=shape)


def _cosines(rows: Sparse) -> Floats:
    """(K, K) cosines of the rows of a matrix; 0 for an empty row."""
    norms = np.sqrt(np.asarray(rows.multiply(rows).sum(axis=1)).ravel())
    scale = sparse.diags(1 / np.where(norms > 0, norms, 1))
    unit = scale @ rows
    return np.asarray((unit @ unit.T).toarray(), dtype=np.float32)
