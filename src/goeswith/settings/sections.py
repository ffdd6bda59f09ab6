"""All settings of a run, by section, each with description and default."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, TypeAlias, get_args

from pydantic import Field

from goeswith.core.errors import ConfigError
from goeswith.data.config import DataConfig
from goeswith.relations.config import MiningConfig
from goeswith.settings.section import Section
from goeswith.settings.serve_settings import ServeSettings
from goeswith.settings.shop_settings import ShopName, ShopSettings

AUTO: Final = "auto"
KINDS_MODEL: Final = "kinds"
"""The model of the table of product kinds."""
ZERO_SHOT: Final = "zero_shot"
"""The model of what goes together in other shops."""
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


BundlePart: TypeAlias = Literal["session", "reverse", "similars", "search"]
"""A part of a bundle that a fit may leave out."""


def bundle_parts(text: str) -> list[str]:
    """Names of parts that are joined by commas.

    Raises:
        ConfigError: a bundle has no such part.
    """
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in get_args(BundlePart):
            parts = ", ".join(get_args(BundlePart))
            raise ConfigError(f"a bundle has no part {name!r} to leave out; it has {parts}")
    return names


class FitSettings(Section):
    """Models that `goeswith fit` trains, and the contents of the bundle."""

    model: str = Field(
        AUTO,
        description="The first model; `name` or `name:key=value`. auto is zero_shot for a "
        "catalogue alone, basket_ranker for events without views, else ranker. With the budget "
        "fast, it is cocitation (for events copurchase, then cocitation) above `ranker_products` "
        "products, and after knowledge_ranker.",
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
        "mixture if events have sequences of two products or more, session_trees with the budget "
        "best, and item_knn for long sequences. `none` disables it.",
    )
    session_steps: int = Field(
        1000,
        ge=2,
        description="Latest events of one user (without user_id: of one session or basket) that "
        "the next-product model learns from, to limit the influence of busy visitors.",
    )
    shopper_model: str = Field(
        NONE,
        description="The next-basket model, for `--user`; `name` or `name:key=value`. auto is "
        "shopper_ranker. Any model stores the purchase histories of shoppers in the bundle, by "
        "hashed user_id. `none` stores none.",
    )
    feedback: str | None = Field(
        None,
        description="Feedback folder (`serve.feedback`) whose clicks and purchases the ranker "
        "learns from; not set, it learns from the data alone.",
        examples=["feedback"],
    )
    k: int = Field(50, ge=1, le=1000, description="Stored recommendations per product.")
    without: list[BundlePart] = Field(
        [],
        description="Parts to leave out of the bundle, for a faster fit: `session` (next-product "
        "model), `reverse` (products that a product is recommended for), `similars` "
        "(alternatives) and `search`. Queries that need a missing part return an error.",
        examples=[["session", "reverse"]],
    )
    keep_below_support: bool = Field(
        False,
        description="Store pairs below the minimum support of [relations] in the bundle, so that "
        "`goeswith update` counts the same as one fit of all events. The bundle grows.",
    )


class PublishSettings(Section):
    """Limits beyond which `fit` and `update` do not replace the last build."""

    min_events: float = Field(
        0.7,
        ge=0,
        le=1,
        description="Minimum number of events, purchases and views of a new build, as a share of "
        "the last build. 0 disables the limit.",
    )
    min_answers: float = Field(
        0.7,
        ge=0,
        le=1,
        description="Minimum size of a new build, as a share of the last build, for four counts: "
        "recommendations, products with recommendations, products with recommendations of the "
        "first model, and products in complement pairs. 0 disables the limit.",
    )
    max_look_alikes: float = Field(
        0.1,
        ge=0,
        le=1,
        description="Maximum increase, since the last build, of the share of look-alikes "
        "(variants, substitutes, products with nearly equal attributes) in the first five "
        "recommendations. 1 disables the limit.",
    )


class SlateSettings(Section):
    """Default selection from a ranked list; a request can override it."""

    diversity: float = Field(
        0.0,
        ge=0,
        le=1,
        description="How strongly further products of one type are moved down: 0 keeps the "
        "ranking, 1 shows one product of every type before a second of any, as long as its "
        "relevance is at least half that of the best product left.",
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


class ObjectiveSettings(Section):
    """Business objectives that reorder recommendations of similar relevance."""

    weights: dict[str, Annotated[float, Field(ge=-100, le=100)]] = Field(
        {},
        max_length=20,
        description="Attribute -> weight: a numeric column, whose larger values rank higher if the "
        "weight is positive, or price_fit, which prefers products that do not cost more than the "
        "queried one. Empty disables it.",
        examples=[{"margin": 1.0, "price_fit": 0.5}],
    )
    floor: float = Field(
        0.8,
        ge=0,
        le=1,
        description="A product moves ahead of another one only if both are from the same model "
        "and its score is at least this share of the other one's.",
    )


class EvaluationSettings(Section):
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
        description="Table of labelled pairs (judged): source, target, and in complement and "
        "substitute the share of annotators with that label.",
        examples=["labels.csv"],
    )
    folds: int = Field(5, ge=2, description="Number of folds of sessions (gold).")
    bootstrap: int = Field(
        2000, ge=100, description="Bootstrap resamples of sources in a comparison of two models."
    )


class RelevanceSettings(Section):
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


class KindSettings(Section):
    """The table of product kinds: which kinds go together by general knowledge."""

    use: Literal["auto", "none"] = Field(
        "auto",
        description="auto assigns kinds by title. They are the product types if the shop has none. "
        "If the data have few views or none, products of one kind and of alternative kinds are "
        "substitutes, and the table ranks together with the log. `none` disables it.",
    )
    min_share: float = Field(
        0.3, ge=0, le=1, description="Minimum share of products with a kind to use the table."
    )
    map: str | None = Field(
        None,
        description="File from `goeswith kinds map`: the kind of each product type. Not set, it is "
        "kinds.csv of the shop's folder if there is one.",
        examples=["kinds.csv"],
    )


class PersonalSettings(Section):
    """Complements for one shopper, by purchase history."""

    min_repeat_rate: float = Field(
        0.05,
        ge=0,
        le=1,
        description="Minimum share of buyers who bought a product again. Products below it are not "
        "recommended to shoppers who bought them; 0 disables the limit.",
    )


class Settings(Section):
    """All settings of a run, one table of the project file each."""

    data: DataConfig = DataConfig()
    relations: MiningConfig = MiningConfig()
    fit: FitSettings = FitSettings()
    publish_if: PublishSettings = PublishSettings()
    slate: SlateSettings = SlateSettings()
    personal: PersonalSettings = PersonalSettings()
    objectives: ObjectiveSettings = ObjectiveSettings()
    kinds: KindSettings = KindSettings()
    evaluation: EvaluationSettings = EvaluationSettings()
    relevance: RelevanceSettings = RelevanceSettings()
    serve: ServeSettings = ServeSettings()
    shops: dict[ShopName, ShopSettings] = Field(
        default_factory=dict,
        description="Shops of one service, one table [shops.NAME] each.",
    )
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
        only_catalog: bool = False,
    ) -> Settings:
        """These settings with `auto` and the budget replaced by concrete models and settings.

        Args:
            products: size of the catalogue.
            has_counts: whether pairs are counted in events, rather than listed.
            has_views: whether the events hold views.
            by_kinds: whether kinds decide what is a substitute, as the data have few or no views.
            only_catalog: whether nothing but attributes says which products go together.
        """
        fit = self.fit
        if fit.model == AUTO:
            # a log of purchases alone says what a basket holds, and not what is compared
            model, *rest = ["basket_ranker" if has_counts and not has_views else "ranker"]
            if fit.budget == "fast" and (by_kinds or products > fit.ranker_products):
                # a pair with high support is more reliable than an inferred one; the few ranks that
                # kinds leave empty are not worth the training of a ranker
                model, *rest = ["copurchase", "cocitation"] if has_counts else ["cocitation"]
            if by_kinds:
                # a pair that is bought together often may still be two of one kind
                model, rest = "knowledge_ranker", [KINDS_MODEL, model, *rest]
            if only_catalog:
                # every pair has a score of its own: time grows with the square of the catalogue
                model, rest = ZERO_SHOT, [KINDS_MODEL] if by_kinds else []
                if by_kinds and products > fit.ranker_products:
                    model, rest = KINDS_MODEL, []
            fit = fit.model_copy(update={"model": model, "fallbacks": [*rest, *fit.fallbacks]})
        budget = dict(BUDGETS[fit.budget])
        if products > _MAX_MEMBER_PRODUCTS:
            budget.pop("members", None)
        ranker = {**budget, **self.models.get("ranker", {})}
        models = {**self.models, "ranker": ranker} if ranker else self.models
        return self.model_copy(update={"fit": fit, "models": models})
