"""Who writes explanations, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from goeswith.core.errors import ConfigError
from goeswith.text.explanation import TEMPLATE

if TYPE_CHECKING:
    from goeswith.text.explanation import Explainer


def make_explainer(
    by: str, model: str | None = None, *, tries: int = 3, seed: int = 0
) -> Explainer | None:
    """What writes sentences; None for templates, which need nothing.

    Args:
        by: `template`, the address of an OpenAI-compatible service, or a folder or hub id.
        model: of the service, by its name there.
        tries: maximum number of sentences per pair.
        seed: of what a local model draws.

    Raises:
        ConfigError: a model cannot be loaded, or an option is missing or too many.
    """
    service = by.startswith(("http://", "https://"))
    if model is not None and not service:
        raise ConfigError("--model is of a service: give its address by --by, or leave it out")
    if by == TEMPLATE:
        return None
    if service:
        from goeswith.text.endpoint_explainer import EndpointExplainer

        if model is None:
            raise ConfigError(f"name the model of {by} by --model")
        return EndpointExplainer(by, model, tries=tries)
    from goeswith.text.local_explainer import LocalExplainer

    return LocalExplainer(by, seed, tries)
