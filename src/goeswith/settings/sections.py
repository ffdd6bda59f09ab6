"""All settings of a run, by section, each with description and default."""

from __future__ import annotations

import re
from ipaddress import ip_network
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from goeswith.data.config import DataConfig
from goeswith.relations.config import MiningConfig

AUTO: Final = "auto"
KINDS_MODEL: Final = "kinds"
"""The model of the table of product kinds."""
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
"""Settings of the ranker by budget; `[models.ranker]` overrides them."""
_MAX_MEMBER_PRODUCTS: Final = 30_000
"""Catalogue size up to which a member model is trained: time grows with its square."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _check_network(value: str) -> str:
    """An address or a network, as written.

    Raises:
        ValueError: it is none.
    """
    ip_network(value)
    return value


def _check_origin(value: str) -> str:
    """An origin such as `https://images.shop.example`, as written.

    Raises:
        ValueError: it is none; it becomes part of a header of the page.
    """
    if not re.fullmatch(r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?", value):
        raise ValueError(
            f"{value[:80]!r} is no origin: write scheme and host, such as https://images.shop.example"
        )
    return value


class FitSettings(_Section):
    """Models that `goeswith fit` trains, and the contents of the bundle."""

    model: str = Field(
        AUTO,
        description="The first model; `name` or `name:key=value`. auto is the basket_ranker for "
        "events without views, and else the ranker. With the budget fast and more than "
        "`ranker_products` products it is cocitation, and for events copurchase before cocitation.",
    )
    budget: Literal["fast", "balanced", "best"] = Field(
        "fast",
        description="Cost of the ranker: fast needs no torch, balanced adds a trained member "
        "model, best also trains on more edges.",
    )
    ranker_products: int = Field(
        30_000,
        ge=0,
        description="Largest catalogue for which auto is the ranker with the budget fast. balanced "
        "and best use the ranker at any size, above 30,000 products without a trained member.",
    )
    fallbacks: list[str] = Field(
        ["similar_complements", "type_popularity", "popularity"],
        description="Fallback models, in order: each fills ranks that the models before it leave "
        "empty.",
    )
    session_model: str = Field(
        AUTO,
        description="The next-product model, for `--session`; `name` or `name:key=value`. auto is "
        "mixture if events have sequences of two products or more, and item_knn for long "
        "sequences. `none` disables it.",
    )
    k: int = Field(50, ge=1, le=1000, description="Stored recommendations per product.")
    keep_below_support: bool = Field(
        False,
        description="Store pairs below the minimum support of [relations] in the bundle, so that "
        "`goeswith update` counts the same as one fit of all events. The bundle grows.",
    )


class PublishSettings(_Section):
    """Limits beyond which `fit` and `update` do not replace the last build."""

    min_events: float = Field(
        0.7,
        ge=0,
        le=1,
        description="Events, purchases and views that a new build must have, as a share of the "
        "last build's; 0 disables the limit.",
    )
    min_answers: float = Field(
        0.7,
        ge=0,
        le=1,
        description="Recommendations, products with recommendations, those with recommendations "
        "of the first model, and products in pairs of complements that a new build must have, as a "
        "share of the last build's; 0 disables the limit.",
    )
    max_look_alikes: float = Field(
        0.1,
        ge=0,
        le=1,
        description="Growth of the share of look-alikes (variants, substitutes, products of nearly "
        "equal attributes) among the first five recommendations; 1 disables the limit.",
    )


class SlateSettings(_Section):
    """Default selection from a ranked list; a request can override it."""

    diversity: float = Field(
        0.0,
        ge=0,
        le=1,
        description="Discount of each further product of one type: 0 keeps the ranking, 1 shows "
        "one product of every type before a second of any.",
    )
    per_type: int | None = Field(
        None,
        ge=1,
        description="Maximum number of products per type; no limit if not set.",
        examples=[2],
    )
    when_sold_out: int | None = Field(
        None,
        ge=0,
        le=1000,
        description="Number of alternatives to show first when the queried product is sold out; "
        "none if not set.",
        examples=[3],
    )


class ObjectiveSettings(_Section):
    """Objectives of the shop, by which recommendations of similar relevance are ordered."""

    weights: dict[str, Annotated[float, Field(ge=-100, le=100)]] = Field(
        {},
        max_length=20,
        description="Attribute -> weight: a column of numbers, more being better for a positive "
        "weight, or price_fit, for products that do not cost more than the queried one. Empty "
        "disables it.",
        examples=[{"margin": 1.0, "price_fit": 0.5}],
    )
    floor: float = Field(
        0.8,
        ge=0,
        le=1,
        description="Relevance first: a product passes others of the same model only, and only "
        "if its score is at least this share of theirs.",
    )


class EvaluationSettings(_Section):
    """Splits and comparisons of `goeswith benchmark`."""

    test_share: float = Field(
        0.2, gt=0, lt=1, description="Share of product pairs held out (edges, direction)."
    )
    cold_share: float = Field(
        0.1, gt=0, lt=1, description="Share of products whose edges are all held out (cold)."
    )
    time_share: float = Field(
        0.2,
        gt=0,
        lt=1,
        description="Share of events (time) or baskets (basket) held out, the latest.",
    )
    session_share: float = Field(
        0.25, gt=0, lt=1, description="Share of sessions held out (sessions)."
    )
    judged: str | None = Field(
        None,
        description="Table of labelled pairs (judged): source, target, and as complement and "
        "substitute the share of judges that say so.",
        examples=["labels.csv"],
    )
    folds: int = Field(5, ge=2, description="Number of folds of sessions (gold).")
    bootstrap: int = Field(
        2000, ge=100, description="Bootstrap resamples of sources in a comparison of two models."
    )


class ServeSettings(_Section):
    """The HTTP service."""

    host: str = Field(
        "127.0.0.1",
        description="Address to listen on; 0.0.0.0 accepts connections from other machines.",
    )
    port: int = Field(8000, ge=1, le=65535, description="Port to listen on.")
    max_k: int = Field(
        50, ge=1, le=1000, description="Maximum number of recommendations per request."
    )
    live: bool = Field(
        True,
        description="Load the models into memory, to score new products and requests whose filters "
        "leave too few precomputed recommendations.",
    )
    workers: int = Field(
        1, ge=1, le=256, description="Number of worker processes; they share the bundle in memory."
    )
    reload_seconds: float = Field(
        2.0,
        ge=0,
        le=86_400,
        description="Seconds between two checks for a new bundle at the same path, which is then "
        "served without a restart; 0 checks on the signal HUP only.",
    )
    cache_mb: int = Field(
        64,
        ge=0,
        le=100_000,
        description="Size of the response cache of a process, in megabytes of compressed JSON.",
    )
    report: str | None = Field(
        None,
        description="File from `goeswith benchmark -o FILE.json`, for /v1/report and the page.",
    )
    keys_file: str | None = Field(
        None,
        description="File of API keys, one line of `goeswith key` each; not set, no key is needed.",
        examples=["keys"],
    )
    key_markets: dict[str, Annotated[str, Field(min_length=1, max_length=200)]] = Field(
        {},
        description="Name of a key -> its market: recommendations for this key are for that market "
        "only, with its rules. A key that is not named may request any market, or none.",
        examples=[{"shop-de": "de"}],
    )
    rate: float = Field(
        0.0,
        ge=0,
        le=1e6,
        description="Requests per second for each key, or for each address if there are no keys; "
        "a request that computes longer than 50 ms counts several times. 0 disables the limit.",
    )
    burst: int = Field(
        20, ge=1, le=1_000_000, description="Requests that may exceed the rate at once."
    )
    hosts: list[str] = Field(
        [],
        description="Host names, without port, that requests may be addressed to; loopback names "
        "always. Not set, a service that listens to this machine only answers to loopback names, "
        "any other to every name.",
        examples=[["goeswith.example"]],
    )
    trusted_proxies: list[Annotated[str, AfterValidator(_check_network)]] = Field(
        [],
        description="Addresses or networks of proxies whose X-Forwarded-For gives the address of "
        "the client; not set, the header is ignored.",
        examples=[["10.0.0.0/8"]],
    )
    max_connections: int = Field(
        1000,
        ge=1,
        le=100_000,
        description="Maximum number of connections of a process; a further one takes the place of "
        "one without a running request, or gets a 503.",
    )
    max_body: int = Field(
        1_000_000, ge=1000, le=100_000_000, description="Maximum size of a request body, in bytes."
    )
    origins: list[str] = Field(
        [],
        description="Allowed origins of other web pages (CORS), such as https://shop.example.",
    )
    relevance: str | None = Field(
        None,
        description="Folder of a model from `goeswith relevance fit`, for /v1/relevance; needs the "
        "extra `language`.",
    )
    relevance_pairs: int = Field(
        100, ge=1, le=10_000, description="Maximum number of pairs per request to /v1/relevance."
    )
    editors: list[str] = Field(
        [],
        description="Names of the keys that may change products and rules over HTTP; `*` allows "
        "every client. Empty, nothing can be changed over HTTP.",
        examples=[["shop-backend"]],
    )
    image_origins: list[Annotated[str, AfterValidator(_check_origin)]] = Field(
        [],
        max_length=20,
        description="Origins from which the page loads pictures of products, if the catalogue has "
        "their addresses in a column `image` or `image_url`. Empty, the page loads nothing from "
        "other hosts.",
        examples=[["https://images.shop.example"]],
    )
    feedback: str | None = Field(
        None,
        description="Folder for feedback, for `goeswith update`; not set, feedback is refused.",
        examples=["feedback"],
    )
    exposures: Literal["none", "sent", "seen"] = Field(
        "none",
        description="Store each answer to a request with session_id or user_id among the feedback. "
        "What counts as an impression: sent counts every product of an answer, seen counts the "
        "impressions that the shop sends.",
    )
    experiment: str | None = Field(
        None,
        description="File of an experiment that splits shoppers into variants and a holdout group; "
        "needs `exposures`.",
        examples=["experiment.toml"],
    )
    feedback_mb: int = Field(
        1000,
        ge=1,
        le=10_000_000,
        description="Maximum size of the folder for feedback, in megabytes; more is refused.",
    )
    log: bool = Field(True, description="Write a line of JSON to stdout for each request.")
    drain: float = Field(
        0.0,
        ge=0,
        le=600,
        description="Seconds between reporting not ready and shutting down, for load balancers.",
    )
    shutdown_timeout: float = Field(
        30.0, gt=0, le=3600, description="Seconds for running requests to finish on shutdown."
    )


class RelevanceSettings(_Section):
    """A relevance model that filters recommendations at fit; needs the extra `language`."""

    model: str | None = Field(
        None,
        description="Folder of a model from `goeswith relevance fit` for pairs of products.",
    )
    judged_top_k: int = Field(
        20, ge=0, le=1000, description="Recommendations per product that are scored; 0 disables it."
    )
    max_substitute: float = Field(
        0.8,
        gt=0,
        le=1,
        description="Maximum P(substitute) of a recommendation; 1 disables the filter.",
    )
    max_irrelevant: float = Field(
        0.9,
        gt=0,
        le=1,
        description="Maximum P(irrelevant) of a recommendation; 1 disables the filter.",
    )
    weight: float = Field(
        0.0,
        ge=0,
        le=1,
        description="Weight of P(complement) in the ranking: 0 keeps the ranking, 1 replaces it.",
    )
    reach: int = Field(5, ge=1, le=100, description="Maximum change of a rank by re-ranking.")


class KindSettings(_Section):
    """The table of product kinds: what goes with what by general knowledge."""

    use: Literal["auto", "none"] = Field(
        "auto",
        description="auto tags products by title. Their kinds are product types where the shop has "
        "none; where the data have no views, products of one kind and of alternative kinds are "
        "substitutes, and the table ranks together with the log. `none` disables it.",
    )
    min_share: float = Field(
        0.3, ge=0, le=1, description="Share of products with a kind from which the table is used."
    )
    map: str | None = Field(
        None,
        description="File from `goeswith kinds map`: the kind of each product type. Not set, it is "
        "kinds.csv of the shop's folder if there is one.",
        examples=["kinds.csv"],
    )


class Settings(_Section):
    """All settings of a run, one table of the project file each."""

    data: DataConfig = DataConfig()
    relations: MiningConfig = MiningConfig()
    fit: FitSettings = FitSettings()
    publish_if: PublishSettings = PublishSettings()
    slate: SlateSettings = SlateSettings()
    objectives: ObjectiveSettings = ObjectiveSettings()
    kinds: KindSettings = KindSettings()
    evaluation: EvaluationSettings = EvaluationSettings()
    relevance: RelevanceSettings = RelevanceSettings()
    serve: ServeSettings = ServeSettings()
    models: dict[str, dict[str, Any]] = Field(
        default_factory=dict, description="Settings of models, one table [models.NAME] each."
    )

    def resolve(
        self,
        products: int,
        *,
        has_counts: bool = False,
        has_views: bool = False,
        by_kinds: bool = False,
    ) -> Settings:
        """These settings with `auto` and the budget replaced by concrete models and settings.

        Args:
            products: size of the catalogue.
            has_counts: whether pairs are counted in events, rather than listed.
            has_views: whether the events hold views.
            by_kinds: whether kinds decide what is a substitute, as the data have few or no views.
        """
        fit = self.fit
        if fit.model == AUTO:
            # a log of purchases alone says what a basket holds, and not what is compared
            model, *rest = ["basket_ranker" if has_counts and not has_views else "ranker"]
            if fit.budget == "fast" and products > fit.ranker_products:
                # a pair with high support is more reliable than an inferred one
                model, *rest = ["copurchase", "cocitation"] if has_counts else ["cocitation"]
            if by_kinds:
                # a pair that is bought together often may still be two of one kind
                model, rest = "knowledge_ranker", [KINDS_MODEL, model]
            fit = fit.model_copy(update={"model": model, "fallbacks": [*rest, *fit.fallbacks]})
        budget = dict(BUDGETS[fit.budget])
        if products > _MAX_MEMBER_PRODUCTS:
            budget.pop("members", None)
        ranker = {**budget, **self.models.get("ranker", {})}
        models = {**self.models, "ranker": ranker} if ranker else self.models
        return self.model_copy(update={"fit": fit, "models": models})
