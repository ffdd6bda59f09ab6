"""Every setting of a run, in sections, with its meaning and its default; `config` reads them."""

from __future__ import annotations

from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from goeswith.relations.config import MiningConfig

AUTO: Final = "auto"
NONE: Final = "none"
BUDGETS: Final[dict[str, dict[str, Any]]] = {
    "fast": {},
    "balanced": {"members": ["directed_propagation"], "folds": 1, "sources": 10_000},
    "best": {
        "members": ["directed_propagation"],
        "sources": 20_000,
        "negatives": 120,
        "trees": 300,
    },
}
"""Settings of the ranker by budget; those of `[models.ranker]` win over them."""
_MEMBERS: Final = 30_000
"""Products up to which a member is trained: the loss is over all, time grows with the square."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DataSettings(_Section):
    """How tables are read."""

    max_bad_share: float = Field(
        0.05, ge=0, le=1, description="Stop when more than this share of a file's rows is unusable."
    )


class FitSettings(_Section):
    """What `goeswith fit` trains and what it leaves in the bundle."""

    model: str = Field(
        AUTO,
        description="The model that answers first; `name` or `name:key=value`. auto is the ranker; "
        "where the budget is fast and the catalogue larger than `ranker_products`, cocitation over "
        "lists, and over events copurchase before it.",
    )
    budget: Literal["fast", "balanced", "best"] = Field(
        "fast",
        description="What the ranker may cost: fast needs no torch; balanced adds a trained member "
        "model; best also learns from more edges.",
    )
    ranker_products: int = Field(
        30_000,
        ge=0,
        description="Products up to which auto takes the ranker where the budget is fast; balanced "
        "and best take it at any size, above 30,000 without a trained member.",
    )
    fallbacks: list[str] = Field(
        ["similar_complements", "type_popularity", "popularity"],
        description="Models that fill the places the first one leaves empty, in order.",
    )
    session_model: str = Field(
        AUTO,
        description="The model of the next product in a session, for `--session`; `name` or "
        "`name:key=value`. auto is mixture where events have sequences of two products or more, "
        "item_knn where they are long; none is none.",
    )
    k: int = Field(50, ge=1, le=1000, description="Answers kept for each product.")
    keep_rare: bool = Field(
        False,
        description="Keep pairs below the least counts of [relations] in the bundle, so that "
        "`goeswith update` counts as if all events had come at once. They are many.",
    )


class SlateSettings(_Section):
    """What of a ranked list is shown; a request may ask for something else."""

    diversity: float = Field(
        0.0,
        ge=0,
        le=1,
        description="How much less each further product of one type counts; 0 is the ranking "
        "itself, 1 shows one product of every type before a second of any.",
    )
    per_type: int | None = Field(
        None, ge=1, description="At most so many products of one type; no limit unless set."
    )


class EvaluationSettings(_Section):
    """How `goeswith benchmark` splits and compares."""

    test_share: float = Field(
        0.2, gt=0, lt=1, description="Share of product pairs held out (edges, direction)."
    )
    cold_share: float = Field(
        0.1, gt=0, lt=1, description="Share of products that lose all their edges (cold)."
    )
    time_share: float = Field(
        0.2, gt=0, lt=1, description="Share of events, the latest, that are the future (time)."
    )
    session_share: float = Field(
        0.25, gt=0, lt=1, description="Share of sessions held out (sessions)."
    )
    folds: int = Field(5, ge=2, description="Folds of sessions (gold).")
    bootstrap: int = Field(2000, ge=100, description="Resamples of sources when two models meet.")


class ServeSettings(_Section):
    """The HTTP service."""

    host: str = Field("127.0.0.1", description="Address to listen on; 0.0.0.0 opens it to others.")
    port: int = Field(8000, ge=1, le=65535, description="Port to listen on.")
    max_k: int = Field(50, ge=1, le=1000, description="The most answers one request may ask for.")
    live: bool = Field(
        True,
        description="Keep the models in memory: for products that the catalogue does not hold, and "
        "for filters that leave too few of the answers worked out at fit.",
    )
    workers: int = Field(
        1, ge=1, le=256, description="Processes that answer; they share the bundle in memory."
    )
    reload_seconds: float = Field(
        2.0,
        ge=0,
        le=86_400,
        description="How often to look for a new bundle at the same path, which then answers "
        "without a restart; 0 is only when told by the signal HUP.",
    )
    remember: int = Field(
        64,
        ge=0,
        le=100_000,
        description="Megabytes of answers, packed, that a process remembers.",
    )
    report: str | None = Field(
        None, description="JSON of `goeswith benchmark --json`, for /v1/report and the page."
    )
    keys_file: str | None = Field(
        None,
        description="Who may ask: a file with a line of `goeswith key` for each; anyone without.",
    )
    rate: float = Field(
        0.0,
        ge=0,
        le=1e6,
        description="Requests a second that one key, or one address without keys, may make; "
        "0 is no limit.",
    )
    burst: int = Field(
        20, ge=1, le=1_000_000, description="Requests beyond the rate that may come at once."
    )
    max_body: int = Field(
        1_000_000, ge=1000, le=100_000_000, description="Bytes of a request's body, at most."
    )
    origins: list[str] = Field(
        [],
        description="Web pages of other origins that may ask (CORS), such as https://shop.example.",
    )
    relevance: str | None = Field(
        None,
        description="Folder of a model that `goeswith relevance fit` left, which answers "
        "/v1/relevance; needs the extra `language`.",
    )
    relevance_pairs: int = Field(
        100, ge=1, le=10_000, description="The most pairs one request to /v1/relevance may hold."
    )
    feedback: str | None = Field(
        None, description="Folder to keep feedback in, for `goeswith update`; not taken without."
    )
    log: bool = Field(True, description="Write a line of JSON to stdout for each request.")
    drain: float = Field(
        0.0,
        ge=0,
        le=600,
        description="Seconds between saying not ready and ending, for a load balancer to notice.",
    )
    patience: float = Field(
        30.0, gt=0, le=3600, description="Seconds that running requests have to end in."
    )


class RelevanceSettings(_Section):
    """A relevance model that judges answers at fit: needs the extra `language`; never required."""

    model: str | None = Field(
        None,
        description="Folder of a model that `goeswith relevance fit` trained on a shop's products.",
    )
    first: int = Field(
        20, ge=0, le=1000, description="Answers of each product that are judged; 0 judges none."
    )
    most_substitute: float = Field(
        0.8,
        gt=0,
        le=1,
        description="Answers likelier to be a substitute are left out; 1 keeps all.",
    )
    most_irrelevant: float = Field(
        0.9, gt=0, le=1, description="The same of answers that have nothing to do with a product."
    )
    weight: float = Field(
        0.0,
        ge=0,
        le=1,
        description="How far answers are put in the order of P(complement): 0 not, 1 wholly.",
    )
    reach: int = Field(5, ge=1, le=100, description="Places that an answer moves at most by that.")


class Settings(_Section):
    """Every setting of a run; a table of the project file each."""

    data: DataSettings = DataSettings()
    relations: MiningConfig = MiningConfig()
    fit: FitSettings = FitSettings()
    slate: SlateSettings = SlateSettings()
    evaluation: EvaluationSettings = EvaluationSettings()
    relevance: RelevanceSettings = RelevanceSettings()
    serve: ServeSettings = ServeSettings()
    models: dict[str, dict[str, Any]] = Field(
        default_factory=dict, description="Settings of single models, a table [models.NAME] each."
    )

    def chosen(self, products: int, *, counted: bool = False) -> Settings:
        """These settings with what `auto` and the budget stand for.

        Args:
            products: size of the catalogue.
            counted: whether pairs are counted in events; else lists name them.
        """
        fit = self.fit
        if fit.model == AUTO:
            first, *rest = ["ranker"]
            if fit.budget == "fast" and products > fit.ranker_products:
                # a pair that was counted often is a better answer than any that is inferred
                first, *rest = ["copurchase", "cocitation"] if counted else ["cocitation"]
            fit = fit.model_copy(update={"model": first, "fallbacks": [*rest, *fit.fallbacks]})
        budget = dict(BUDGETS[fit.budget])
        if products > _MEMBERS:
            budget.pop("members", None)
        ranker = {**budget, **self.models.get("ranker", {})}
        models = {**self.models, "ranker": ranker} if ranker else self.models
        return self.model_copy(update={"fit": fit, "models": models})
