"""Sentences for shoppers from `goeswith explain`, read one at a time.

targets (n, top) int32   the products explained, as the answers stood; -1 for none
place (n, top) int32     which of the sentences is theirs
by (n, top) int8         0 for a template, 1 for a model
text                     the sentences, each once
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from goeswith.store.string_array import StringArray

if TYPE_CHECKING:
    from collections.abc import Mapping

    from goeswith.core.mapped_arrays import MappedArrays
    from goeswith.store.attribute_table import AttributeTable
    from goeswith.store.evidence import Evidence
    from goeswith.store.product_lookup import ProductLookup

MAX_SENTENCE_LENGTH: Final = 400
"""Characters of a sentence that are read: none that was written here is longer."""


class ExplanationStore:
    """The sentence of a pair: the stored one, or one from a template if these are enabled.

    Attributes:
        use_templates: whether a pair without a sentence of its own gets one from a template, now.
    """

    def __init__(
        self, arrays: MappedArrays, products: ProductLookup, table: AttributeTable
    ) -> None:
        """Map them.

        Args:
            arrays: of `explanations.safetensors`; none where the bundle has no sentences.
            products: as they are looked up.
            table: their attributes, of which templates are made.
        """
        self._products, self._table = products, table
        self.use_templates = False
        self._has_sentences = bool(len(arrays))
        if self._has_sentences:
            self._targets, self._text_index = arrays["targets"], arrays["place"]
            self._texts = StringArray.from_arrays(arrays, "text")

    @property
    def is_shown(self) -> bool:
        """Whether recommendations may have a sentence for a shopper."""
        return self._has_sentences or self.use_templates

    def for_pair(self, source: int, target: int, evidence: Evidence) -> str | None:
        """The sentence for a recommendation; None if there is none.

        Args:
            source: row of the queried product, -1 for one outside the bundle.
            target: row of the answer.
            evidence: of the pair.
        """
        if not self.is_shown:
            return None
        sentence = (
            self._read_sentence(source, target) if self._has_sentences and source >= 0 else None
        )
        if sentence is not None or not self.use_templates:
            return sentence
        from goeswith.text.explanation import ProductPair
        from goeswith.text.templates import template_sentence

        record: Mapping[str, Any] = self._table.attributes(source) if source >= 0 else {}
        return template_sentence(ProductPair(record, self._table.attributes(target), evidence))

    def _read_sentence(self, source: int, target: int) -> str | None:
        if source >= len(self._targets):
            return None
        at = np.flatnonzero(self._targets[source] == target)
        if not len(at):
            return None
        place = int(self._text_index[source, at[0]])
        if not 0 <= place < len(self._texts):
            return None
        return self._texts[place][:MAX_SENTENCE_LENGTH]
