"""The four classes of a pair, and the coarser ones that they merge into."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from goeswith.core.errors import ConfigError

CLASSES: Final = ("exact", "substitute", "complement", "irrelevant")
"""What a product is to a query, or to another product (Reddy et al., 2022)."""

MODES: Final = {
    "e_s_c_i": (("exact",), ("substitute",), ("complement",), ("irrelevant",)),
    "e_s_ci": (("exact",), ("substitute",), ("complement", "irrelevant")),
    "e_sci": (("exact",), ("substitute", "complement", "irrelevant")),
    "es_ci": (("exact", "substitute"), ("complement", "irrelevant")),
    "s_c_i": (("substitute",), ("complement",), ("irrelevant",)),
    "c_i": (("complement",), ("irrelevant",)),
}
"""Label mode -> its classes, each as the classes it is made of (papers, 3.2).

The last two are for pairs of products, of which none is `exact`; in `c_i` a pair goes together or
does not.
"""

_SPELLINGS: Final = {name[0]: name for name in CLASSES} | {name: name for name in CLASSES}


def class_names(mode: str) -> tuple[str, ...]:
    """Names of a mode's classes, in order.

    >>> class_names("e_s_ci")
    ('exact', 'substitute', 'complement+irrelevant')

    Raises:
        ConfigError: there is no such mode.
    """
    if mode not in MODES:
        raise ConfigError(f"there is no label mode {mode!r}; take one of {', '.join(MODES)}")
    return tuple("+".join(parts) for parts in MODES[mode])


def class_of(label: str, mode: str) -> int | None:
    """Number of a label's class in a mode, whatever its spelling; None where it has none.

    >>> class_of("Exact", "e_sci"), class_of("C", "e_s_ci"), class_of("unknown", "e_s_ci")
    (0, 2, None)
    """
    name = _SPELLINGS.get(label.strip().lower())
    for number, parts in enumerate(MODES[mode]):
        if name in parts:
            return number
    return None


def balanced_weights(labels: npt.NDArray[np.integer], classes: int) -> npt.NDArray[np.float32]:
    """(classes,) weight of each class in the loss: m / (classes * count), 1 for an absent class.

    The constants of the authors' code for pre-training are these, of their data: .4115, 1.3260,
    1.6203 and 5.0389 weigh classes of 60.8, 18.9, 15.4 and 5.0 %.
    """
    counts = np.bincount(labels, minlength=classes)
    weights = len(labels) / (classes * np.maximum(counts, 1))
    return np.where(counts, weights, 1).astype(np.float32)
