"""Sentences for shoppers that `goeswith explain` kept in a bundle, read one at a time.

targets (n, top) int32   the products explained, as the answers stood; -1 for none
place (n, top) int32     which of the sentences is theirs
by (n, top) int8         0 for a template, 1 for a model
text                     the sentences, each once
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from goeswith.store.string_array import Strings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from goeswith.core.mapped_arrays import MappedArrays
    from goeswith.store.attribute_table import AttributeTable
    from goeswith.store.evidence import Evidence
    from goeswith.store.product_lookup import Products

MOST_READ: Final = 400
"""Characters of a sentence that are read: none that was written here is longer."""


class Explanations:
    """The sentence of a pair: the one that was kept, or where asked for a template's.

    Attributes:
        always: whether a pair without a sentence of its own gets one from a template, now.
    """

    def __init__(self, arrays: MappedArrays, products: Products, table: AttributeTable) -> None:
        """Map them.

        Args:
            arrays: of `explanations.safetensors`; none where the bundle has no sentences.
            products: as they are looked up.
            table: their attributes, of which templates are made.
        """
        self._products, self._table = products, table
        self.always = False
        self._kept = bool(len(arrays))
        if self._kept:
            self._targets, self._place = arrays["targets"], arrays["place"]
            self._texts = Strings.of(arrays, "text")

    def of(self, source_id: str, target: int, evidence: Evidence) -> str | None:
        """The sentence for an answer; None where there is none.

        Args:
            source_id: the product asked about, which the bundle need not hold.
            target: row of the answer.
            evidence: of the pair.
        """
        if not (self._kept or self.always):
            return None
        known = self._products.has(source_id)
        source = self._products.row(source_id) if known else -1
        kept = self._of(source, target) if self._kept and source >= 0 else None
        if kept is not None or not self.always:
            return kept
        from goeswith.text.explanation import Pair
        from goeswith.text.templates import template

        record: Mapping[str, Any] = self._table.of(source) if source >= 0 else {}
        return template(Pair(record, self._table.of(target), evidence))

    def _of(self, source: int, target: int) -> str | None:
        if source >= len(self._targets):
            return None
        at = np.flatnonzero(self._targets[source] == target)
        if not len(at):
            return None
        place = int(self._place[source, at[0]])
        if not 0 <= place < len(self._texts):
            return None
        return self._texts[place][:MOST_READ]
