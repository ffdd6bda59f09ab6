"""What a user writes on the command line to say which models, protocols and seeds."""

from __future__ import annotations

import re

from goeswith.errors import ConfigError


def split_names(text: str) -> list[str]:
    """Names between commas.

    >>> split_names("edges, cold")
    ['edges', 'cold']
    """
    return [name.strip() for name in text.split(",") if name.strip()]


def split_models(text: str) -> list[str]:
    """Models between commas; a comma before `key=` belongs to the model that it follows.

    >>> split_models("katz:hops=3,damping=0.5,ease,copurchase:measure=lift")
    ['katz:hops=3,damping=0.5', 'ease', 'copurchase:measure=lift']
    """
    return [spec.strip() for spec in re.split(r",(?!\s*\w+\s*=)", text) if spec.strip()]


def split_seeds(text: str) -> list[int]:
    """Whole numbers between commas.

    Raises:
        ConfigError: something else.
    """
    try:
        return [int(number) for number in split_names(text)]
    except ValueError as error:
        raise ConfigError(
            f"seeds are whole numbers with commas between, such as 0,1,2; not {text!r}"
        ) from error
