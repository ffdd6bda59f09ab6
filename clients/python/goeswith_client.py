"""Typed client of the goeswith service, made by clients/generate.py; do not edit."""

from __future__ import annotations

import json
from typing import Any, Literal, NotRequired, TypedDict
from urllib.error import HTTPError
from urllib.parse import quote, urlencode
from urllib.request import Request, urlopen


class BasketResponse(TypedDict):
    """Complements of a basket."""

    bundle: str
    skipped: NotRequired[list[SkippedSchema]]
    rules: NotRequired[list[str]]
    recommendation_id: NotRequired[str | None]
    basket: list[str]
    complements: list[RecommendationSchema]


class BatchItemSchema(TypedDict):
    """One product of a batch: its recommendations, or an error."""

    product_id: str
    complements: NotRequired[list[RecommendationSchema] | None]
    error: NotRequired[str | None]


class BatchRequest(TypedDict):
    """Products to recommend for, each separately."""

    product_ids: list[str]
    k: NotRequired[int | None]


class BatchResponse(TypedDict):
    """The products of a batch, in the order of the request."""

    bundle: str
    answers: list[BatchItemSchema]


class BestSellerSchema(TypedDict):
    """A product and its number of purchases."""

    product_id: str
    title: str | None
    type: str | None
    brand: str | None
    price: float | None
    purchases: int


class BestSellersResponse(TypedDict):
    """The most purchased products, in descending order."""

    bundle: str
    products: list[BestSellerSchema]


class BuildChanges(TypedDict):
    """Changes since the last build."""

    last: str
    created: str
    new_products: int
    removed_products: int
    compared: int
    changed: int
    reordered: int
    reasons_entered: dict[str, int]
    reasons_left: dict[str, int]
    top_five: TopFive | None
    coverage: Coverage | None
    products: list[ChangedProduct]


class BundleInfoResponse(TypedDict):
    """Information about the bundle of the service."""

    bundle: str
    created: str
    data: str
    products: int
    k: int
    models: list[str]
    probabilities: list[str]
    session_model: str | None
    types: list[TypeCountSchema]
    filters: list[FilterColumnSchema]
    has_report: bool
    may_edit: bool
    edit_refusal: str | None
    market: str | None
    image_origins: list[str]
    counted: bool
    explained: bool


class ChangedProduct(TypedDict):
    """A product whose top five differs from that of the last build."""

    product_id: str
    title: str | None
    purchases: int
    entered: list[ChangedRecommendation]
    left: list[ChangedRecommendation]
    rules: NotRequired[list[str]]


class ChangedRecommendation(TypedDict):
    """A product that entered or left a top five."""

    product_id: str
    title: str | None
    reason: Literal["new_product", "removed_product", "new_counts", "available_again", "sold_out_or_hidden", "now_a_look_alike", "ranking"]
    before: int | None
    now: int | None


class ChoiceSchema(TypedDict):
    """A possible answer to a question."""

    answer: str
    where: list[str]
    products: int
    share: float


class ComparisonResponse(TypedDict):
    """Comparison of two products."""

    bundle: str
    source: ProductSummarySchema
    target: ProductSummarySchema
    relation: Literal["complement", "reverse", "mutual", "substitute", "none"]
    forward: DirectionSchema
    backward: DirectionSchema
    substitutes: bool
    why: str


class ComplementsResponse(TypedDict):
    """Complements of a product."""

    bundle: str
    skipped: NotRequired[list[SkippedSchema]]
    rules: NotRequired[list[str]]
    recommendation_id: NotRequired[str | None]
    product_id: str
    complements: list[RecommendationSchema]


class Coverage(TypedDict):
    """Numbers of products by their recommendations."""

    products: int
    without: int
    few: int
    fallback_only: int
    without_type: int
    recommended: int
    models: list[ModelCoverage]


class DirectionSchema(TypedDict):
    """One direction: the second product as a recommendation for the first."""

    rank: int | None
    score: float | None
    model: str | None
    fallback: bool
    probability: float | None
    evidence: EvidenceSchema
    why: str


class EvidenceSchema(TypedDict):
    """The evidence for a pair."""

    basis: Literal["bought_together", "bought_before", "linked", "alike", "types", "popular", "model", "viewed_together", "attributes"]
    bought_together: int
    source_first: int | None
    viewed_together: int
    confidence: float | None
    lift: float | None
    pmi_lower: float | None
    purchases: int
    counted: bool
    link: NotRequired[LinkSchema | None]
    types: NotRequired[TypePairSchema | None]
    unit: NotRequired[Literal["baskets", "sessions", "users"] | None]
    target_first: NotRequired[int | None]
    customers: NotRequired[int | None]
    strength: NotRequired[Literal["strong", "medium", "weak"] | None]


class FeedbackEventSchema(TypedDict):
    """An interaction of a shopper with a recommendation."""

    event: Literal["impression", "click", "cart", "purchase"]
    product_id: str
    source_id: NotRequired[str | None]
    bundle: NotRequired[str | None]
    session_id: NotRequired[str | None]
    user_id: NotRequired[str | None]
    position: NotRequired[int | None]
    event_id: NotRequired[str | None]
    recommendation_id: NotRequired[str | None]
    order_id: NotRequired[str | None]
    price: NotRequired[float | None]
    currency: NotRequired[str | None]
    quantity: NotRequired[int | None]
    occurred_at: NotRequired[str | None]


class FeedbackRequest(TypedDict):
    """Events; they are stored in the given order."""

    events: list[FeedbackEventSchema]


class FeedbackResponse(TypedDict):
    """Result of a feedback request."""

    bundle: str
    accepted: int


class FilterColumnSchema(TypedDict):
    """A catalogue column that filters can use."""

    column: str
    kind: Literal["text", "number", "boolean", "time", "list"]


class HealthNotice(TypedDict):
    """A notice about the build."""

    code: str
    text: str


class HealthReport(TypedDict):
    """The health of the recommendations, with current rules and live facts."""

    coverage: Coverage
    top_five: TopFive
    hubs: list[Hub]
    weak_products: list[WeakProduct]
    issues: dict[str, int]
    changes: BuildChanges | None
    not_compared: NotRequired[str | None]
    log: LogVolume | None
    bundle: str
    created: str
    rules: RulesInUse
    unavailable: int
    notices: list[HealthNotice]


class HealthResponse(TypedDict):
    """State of the service."""

    status: Literal["live", "ready"]
    bundle: str
    products: int


class Hub(TypedDict):
    """A product that is recommended for many others."""

    product_id: str
    title: str | None
    lists: int
    share: float


class KindLinkSchema(TypedDict):
    """A linked kind."""

    id: str
    name: str
    reason: str
    strength: int
    match: list[str]


class KindNameSchema(TypedDict):
    """A kind: id and name."""

    id: str
    name: str


class KindNeverSchema(TypedDict):
    """A kind that is never shown together with this one."""

    id: str
    name: str
    why: str


class KindResponse(TypedDict):
    """A kind with all its data in the table."""

    id: str
    name: str
    department: str
    broader: str | None
    group: bool
    bundle: str
    table: str
    path: list[str]
    synonyms: list[str]
    names: dict[str, list[str]]
    use: str | None
    audience: list[str]
    fits: list[str]
    confused_with: list[str]
    goes_with: list[KindLinkSchema]
    recommended_for: list[KindLinkSchema]
    alternatives: list[KindNameSchema]
    never_together: list[KindNeverSchema]


class KindSearchResponse(TypedDict):
    """Kinds that match a search."""

    bundle: str
    query: str
    kinds: list[KindSummarySchema]


class KindSummarySchema(TypedDict):
    """A kind and its position in the hierarchy."""

    id: str
    name: str
    department: str
    broader: str | None
    group: bool


class KnowledgeSchema(TypedDict):
    """General knowledge about the kinds of two products; it is not evidence from purchases."""

    source_kind: str
    target_kind: str
    reason: str
    strength: int


class LabelSchema(TypedDict):
    """A label that a person gives to a recommendation."""

    source: str
    target: str
    label: Literal["complement", "substitute", "weak", "irrelevant", "none"]


class LabelsRequest(TypedDict):
    """Labels to store."""

    labels: list[LabelSchema]


class LeftOutSchema(TypedDict):
    """A product left out because the shopper bought it."""

    product_id: str
    reason: str


class LinkSchema(TypedDict):
    """A product through which source and target are connected."""

    product_id: str
    title: str | None
    type: str | None
    with_source: int
    with_target: int


class LogDay(TypedDict):
    """Number of events on a day."""

    day: str
    events: int
    purchases: int
    views: int
    new_products: int | None


class LogVolume(TypedDict):
    """Number of events over time."""

    first: str
    last: str
    days: list[LogDay]
    missing: int
    missing_days: list[str]


class ModelCoverage(TypedDict):
    """Number of recommendations of one model."""

    model: str
    fallback: bool
    recommendations: int
    products_first: int


class NewProductRequest(TypedDict):
    """A product that is not in the catalogue."""

    attributes: dict[str, str | int | float | bool | list[str] | list[float] | None]


class NextSchema(TypedDict):
    """One candidate for the next product in a session."""

    product_id: str
    title: str | None
    type: str | None
    relation: Literal["next", "complement", "similar"]
    score: float
    model: str
    fallback: bool
    evidence: EvidenceSchema
    why: str
    goes_with: list[str]
    pinned: bool
    explanation: str | None
    knowledge: NotRequired[KnowledgeSchema | None]
    more_variants: NotRequired[int]
    rules: NotRequired[list[str]]
    proposed_by: list[str]
    after: str | None
    followed: int


class PersonalComplementsResponse(TypedDict):
    """Complements of a product for one shopper."""

    bundle: str
    skipped: NotRequired[list[SkippedSchema]]
    rules: NotRequired[list[str]]
    recommendation_id: NotRequired[str | None]
    product_id: str
    complements: list[PersonalRecommendationSchema]
    personal: PersonalizationSchema


class PersonalRecommendationSchema(TypedDict):
    """A complement for one shopper."""

    product_id: str
    title: str | None
    type: str | None
    relation: Literal["complement", "similar", "goes_with"]
    score: float
    model: str
    fallback: bool
    evidence: EvidenceSchema
    why: str
    goes_with: list[str]
    pinned: bool
    explanation: str | None
    knowledge: NotRequired[KnowledgeSchema | None]
    more_variants: NotRequired[int]
    rules: NotRequired[list[str]]
    rank_for_all: int | None
    personal: str | None


class PersonalRequest(TypedDict):
    """A shopper: either the products bought, or an id whose history the bundle has."""

    history: NotRequired[list[str] | None]
    user_id: NotRequired[str | None]
    repeats: NotRequired[Literal["auto", "all", "none"]]


class PersonalizationSchema(TypedDict):
    """How the list was personalized."""

    source: Literal["history", "user"]
    known: bool
    products: int
    unknown: int
    similar_shoppers: bool
    left_out: list[LeftOutSchema]


class PreviewItemSchema(TypedDict):
    """Recommendations of one product before and after the change."""

    product_id: str
    before: list[RecommendationSchema]
    after: list[RecommendationSchema]
    entered: list[str]
    left: list[str]
    rules: list[str]


class PreviewRequest(TypedDict):
    """Changes of the rules to preview, and products to preview them for."""

    rules: list[Rule]
    remove: NotRequired[list[str]]
    product_ids: NotRequired[list[str]]
    k: NotRequired[int]


class PreviewResponse(TypedDict):
    """Recommendations with the stored rules and with the changed rules."""

    bundle: str
    products: int
    differences: list[PreviewItemSchema]
    problems: list[RuleProblemSchema]


class ProductChangeRequest(TypedDict):
    """New values of one product."""

    attributes: dict[str, str | int | float | bool | list[str] | None]


class ProductChangeSchema(TypedDict):
    """A change of one product."""

    product_id: str
    attributes: NotRequired[dict[str, str | int | float | bool | list[str] | None]]
    deleted: NotRequired[bool | None]


class ProductChangesRequest(TypedDict):
    """Changes of several products; they are applied in the given order."""

    products: list[ProductChangeSchema]


class ProductChangesResponse(TypedDict):
    """Changes that were stored; later responses use them."""

    bundle: str
    changed: int
    unchanged: int
    skipped: list[SkippedChangeSchema]


class ProductResponse(TypedDict):
    """A product of the catalogue."""

    bundle: str
    product_id: str
    attributes: dict[str, Any]
    changed: NotRequired[list[str]]


class ProductSummarySchema(TypedDict):
    """A product with its main attributes."""

    product_id: str
    title: str | None
    type: str | None
    brand: str | None
    price: float | None


class QuestionResponse(TypedDict):
    """A question about the recommendations of a product, if there is a useful one."""

    bundle: str
    product_id: str
    question: QuestionSchema | None
    skipped: list[SkippedSchema]


class QuestionSchema(TypedDict):
    """A question about the recommendations of a product."""

    attribute: str
    text: str
    choices: list[ChoiceSchema]
    bits: float
    candidates: int


class RecommendationSchema(TypedDict):
    """One recommendation."""

    product_id: str
    title: str | None
    type: str | None
    relation: Literal["complement", "similar", "goes_with"]
    score: float
    model: str
    fallback: bool
    evidence: EvidenceSchema
    why: str
    goes_with: list[str]
    pinned: bool
    explanation: str | None
    knowledge: NotRequired[KnowledgeSchema | None]
    more_variants: NotRequired[int]
    rules: NotRequired[list[str]]


class RelevanceLabelSchema(TypedDict):
    """The predicted class of a pair."""

    label: str
    probabilities: dict[str, float]


class RelevancePairSchema(TypedDict):
    """A query (or a product instead of it) and a product."""

    query: str
    text: NotRequired[str]
    product_id: NotRequired[str | None]
    source_id: NotRequired[str | None]
    locale: NotRequired[str]


class RelevanceRequest(TypedDict):
    """Pairs to classify."""

    pairs: list[RelevancePairSchema]


class RelevanceResponse(TypedDict):
    """Classes of the pairs, in the order of the request."""

    pairs: list[RelevanceLabelSchema]


class ReportResponse(TypedDict):
    """A benchmark report, as `goeswith benchmark -o FILE.json` writes it."""

    bundle: str
    report: dict[str, Any]


class ResultsResponse(TypedDict):
    """Results of recommendations, from the feedback log; at most one minute old."""

    bundle: str
    counted: Literal["sent", "seen"]
    currency: str | None
    touch: Literal["click", "view"]
    window_hours: int
    first_at: str
    last_at: str
    by: Literal["all", "day", "model", "fallback", "type_pair", "rank", "market", "variant", "rule"]
    rows: list[ResultsRow]
    more_rows: int
    attach: dict[str, Any]
    incremental: dict[str, Any] | None
    experiment: dict[str, Any] | None
    notes: list[str]


class ResultsRow(TypedDict):
    """Figures for one value of a dimension. `_low` and `_high` are bounds of 95 % intervals."""

    value: str
    impressions: int
    clicks: int
    carts: int
    units: int
    revenue: float
    click_rate: float
    click_rate_low: float
    click_rate_high: float
    cart_rate: float
    cart_rate_low: float
    cart_rate_high: float
    units_per_1000: float
    units_per_1000_low: float
    units_per_1000_high: float
    revenue_per_1000: float
    revenue_per_1000_low: float
    revenue_per_1000_high: float


class ReverseResponse(TypedDict):
    """Products for which this product is recommended."""

    bundle: str
    skipped: NotRequired[list[SkippedSchema]]
    rules: NotRequired[list[str]]
    recommendation_id: NotRequired[str | None]
    product_id: str
    sources: list[RecommendationSchema]


class Rule(TypedDict):
    """A merchandising rule: what to do with target products when source products are queried."""

    id: str
    action: Literal["boost", "bury", "pin", "ban", "only", "same", "other", "limit"]
    source: NotRequired[RuleSide]
    target: NotRequired[RuleSide]
    min_price_ratio: NotRequired[float | None]
    max_price_ratio: NotRequired[float | None]
    markets: NotRequired[list[str]]
    start: NotRequired[str | None]
    end: NotRequired[str | None]
    rank: NotRequired[int | None]
    by: NotRequired[int | None]
    attribute: NotRequired[str | None]
    max: NotRequired[int | None]
    priority: NotRequired[int]
    owner: NotRequired[str]
    note: NotRequired[str]


class RuleChangeResponse(TypedDict):
    """A change of the rules."""

    bundle: str
    change: RuleChangeSchema | None
    problems: list[RuleProblemSchema]


class RuleChangeSchema(TypedDict):
    """One change of the rules."""

    revision: int
    at: str
    who: str | None
    action: str
    before: dict[str, dict[str, Any] | None]
    after: dict[str, dict[str, Any] | None]
    undoes: NotRequired[int | None]


class RuleHistoryResponse(TypedDict):
    """Changes of the rules, newest first."""

    bundle: str
    changes: list[RuleChangeSchema]


class RuleProblemSchema(TypedDict):
    """A problem with a rule."""

    rule: str
    problem: str
    is_left_out: bool


class RuleSide(TypedDict):
    """Conditions on a product, all of which must hold. Without conditions: every product."""

    products: NotRequired[list[str]]
    types: NotRequired[list[str]]
    where: NotRequired[list[str]]


class RuleUse(TypedDict):
    """A rule that changes recommendations."""

    rule: str
    products: int


class RulesInUse(TypedDict):
    """Which rules change recommendations of a sample of products."""

    rules: int
    tried: int
    firing: list[RuleUse]
    silent: list[str]


class RulesRequest(TypedDict):
    """Rules to add. A rule replaces the stored rule with the same id."""

    rules: list[Rule]


class RulesResponse(TypedDict):
    """The rules of the service."""

    bundle: str
    rules: list[Rule]
    problems: list[RuleProblemSchema]


class SearchResponse(TypedDict):
    """Products that match a search, best match first."""

    bundle: str
    query: str
    products: list[ProductSummarySchema]


class SessionResponse(TypedDict):
    """Candidates for the next product in a session."""

    bundle: str
    skipped: NotRequired[list[SkippedSchema]]
    rules: NotRequired[list[str]]
    recommendation_id: NotRequired[str | None]
    session: list[str]
    next: list[NextSchema]


class ShopperNextResponse(TypedDict):
    """Products that a shopper may buy next."""

    bundle: str
    user_id: str
    known: bool
    model: str
    again: list[ShopperProductSchema]
    new: list[ShopperProductSchema]
    skipped: NotRequired[list[SkippedSchema]]


class ShopperProductSchema(TypedDict):
    """A product that a shopper may buy."""

    product_id: str
    title: str | None
    type: str | None
    score: float
    why: str
    times: int
    baskets: int
    interval_days: float | None
    last_days_ago: float | None
    shoppers: int


class SimilarsResponse(TypedDict):
    """Substitutes of a product."""

    bundle: str
    skipped: NotRequired[list[SkippedSchema]]
    rules: NotRequired[list[str]]
    recommendation_id: NotRequired[str | None]
    product_id: str
    similars: list[RecommendationSchema]


class SkippedChangeSchema(TypedDict):
    """A change that was skipped."""

    product_id: str
    reason: str


class SkippedSchema(TypedDict):
    """A pin, ban, filter or rule that was not applied."""

    what: Literal["pin", "ban", "filter", "rule"]
    value: str
    reason: str


class StoredLabelSchema(TypedDict):
    """A stored label."""

    source: str
    target: str
    label: Literal["complement", "substitute", "weak", "irrelevant", "none"]
    who: str | None
    at: str


class StoredLabelsResponse(TypedDict):
    """Stored labels."""

    bundle: str
    labels: list[StoredLabelSchema]
    unreadable: NotRequired[int]


class TopFive(TypedDict):
    """Shares (0 to 1) of the recommendations in the top fives of all products."""

    recommendations: int
    look_alikes: float
    same_type: float | None
    fallback: float
    bought_together: float
    strong: float | None
    medium: float | None
    weak: float | None


class TypeCountSchema(TypedDict):
    """A product type and its number of products."""

    type: str
    products: int


class TypePairSchema(TypedDict):
    """How often products of two types were bought together."""

    source: str
    target: str
    bought_together: int


class WeakProduct(TypedDict):
    """A product whose recommendations have issues."""

    product_id: str
    title: str | None
    type: str | None
    purchases: int
    recommendations: int
    issues: list[Literal["no_recommendations", "few_recommendations", "fallback_only", "look_alikes", "weak_evidence"]]


class FieldErrorSchema(TypedDict):
    """An invalid field of the request."""

    loc: list[str | int]
    msg: str
    type: str


class NearestProductSchema(TypedDict):
    """A product with a similar id or title."""

    product_id: str
    title: str | None


class Problem(TypedDict):
    """An error as problem details (RFC 9457)."""

    type: NotRequired[str]
    title: str
    status: int
    detail: str
    bundle: NotRequired[str | None]
    nearest: NotRequired[list[NearestProductSchema] | None]
    errors: NotRequired[list[FieldErrorSchema] | None]


class GoesWithProblem(Exception):
    """An answer that is an error, as problem details (RFC 9457)."""

    def __init__(self, status: int, problem: dict[str, Any]) -> None:
        super().__init__(f"{status}: {problem.get('detail') or problem.get('title')}")
        self.status, self.problem = status, problem


class GoesWithClient:
    """A service at `address`; `key` is one of its keys, where it needs one."""

    def __init__(self, address: str, key: str | None = None, timeout: float = 10.0) -> None:
        if not address.startswith(("http://", "https://")):
            raise ValueError(f"the address begins with http:// or https://: {address}")
        self._address, self._timeout = address.rstrip("/"), timeout
        self._headers = {"Accept": "application/json"}
        if key is not None:
            self._headers["Authorization"] = f"Bearer {key}"

    def _send(
        self, method: str, path: str, query: dict[str, Any], body: Any = None, text: bool = False
    ) -> Any:
        given = {name: _text(value) for name, value in query.items() if value is not None}
        address = self._address + path + ("?" + urlencode(given, doseq=True) if given else "")
        headers = dict(self._headers)
        data = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            data = json.dumps(body).encode()
        request = Request(address, data, headers, method=method)
        try:
            with urlopen(request, timeout=self._timeout) as answer:
                content: bytes = answer.read()
        except HTTPError as error:
            with error:
                content = error.read()
            try:
                problem = json.loads(content)
            except ValueError:
                problem = {"title": error.reason}
            raise GoesWithProblem(error.code, problem) from None
        return content.decode() if text else json.loads(content)

    def question(
        self,
        product_id: str,
        *,
        locale: str | None = None,
        where: list[str] | None = None,
        ban: list[str] | None = None,
        pin: list[str] | None = None,
        per_type: int | None = None,
        diversity: float | None = None,
        include: list[Literal["sold_out", "hidden"]] | None = None,
        when_sold_out: int | None = None,
        market: str | None = None,
    ) -> QuestionResponse:
        """A question for the shopper that narrows down the complements of a product."""
        answer: QuestionResponse = self._send("GET", f"/v1/products/{quote(product_id, safe='')}/question", {"locale": locale, "where": where, "ban": ban, "pin": pin, "per_type": per_type, "diversity": diversity, "include": include, "when_sold_out": when_sold_out, "market": market})
        return answer

    def complements(
        self,
        product_id: str,
        *,
        k: int | None = None,
        model: str | None = None,
        locale: str | None = None,
        where: list[str] | None = None,
        ban: list[str] | None = None,
        pin: list[str] | None = None,
        per_type: int | None = None,
        diversity: float | None = None,
        include: list[Literal["sold_out", "hidden"]] | None = None,
        when_sold_out: int | None = None,
        market: str | None = None,
        session_id: str | None = None,
        user_id: str | None = None,
    ) -> ComplementsResponse:
        """Complements of a product, best first; at most `k`."""
        answer: ComplementsResponse = self._send("GET", f"/v1/products/{quote(product_id, safe='')}/complements", {"k": k, "model": model, "locale": locale, "where": where, "ban": ban, "pin": pin, "per_type": per_type, "diversity": diversity, "include": include, "when_sold_out": when_sold_out, "market": market, "session_id": session_id, "user_id": user_id})
        return answer

    def personal_complements(
        self,
        product_id: str,
        body: PersonalRequest,
        *,
        k: int | None = None,
        locale: str | None = None,
        where: list[str] | None = None,
        ban: list[str] | None = None,
        pin: list[str] | None = None,
        per_type: int | None = None,
        diversity: float | None = None,
        include: list[Literal["sold_out", "hidden"]] | None = None,
        when_sold_out: int | None = None,
        market: str | None = None,
    ) -> PersonalComplementsResponse:
        """Complements of a product for one shopper, best first; at most `k`."""
        answer: PersonalComplementsResponse = self._send("POST", f"/v1/products/{quote(product_id, safe='')}/complements", {"k": k, "locale": locale, "where": where, "ban": ban, "pin": pin, "per_type": per_type, "diversity": diversity, "include": include, "when_sold_out": when_sold_out, "market": market}, body)
        return answer

    def similars(
        self,
        product_id: str,
        *,
        k: int | None = None,
        locale: str | None = None,
        where: list[str] | None = None,
        ban: list[str] | None = None,
        include: list[Literal["sold_out", "hidden"]] | None = None,
        market: str | None = None,
    ) -> SimilarsResponse:
        """Substitutes of a product: viewed alternatives, then products with similar attributes."""
        answer: SimilarsResponse = self._send("GET", f"/v1/products/{quote(product_id, safe='')}/similars", {"k": k, "locale": locale, "where": where, "ban": ban, "include": include, "market": market})
        return answer

    def reverse(
        self,
        product_id: str,
        *,
        k: int | None = None,
        locale: str | None = None,
    ) -> ReverseResponse:
        """Products for which this product is recommended."""
        answer: ReverseResponse = self._send("GET", f"/v1/products/{quote(product_id, safe='')}/reverse", {"k": k, "locale": locale})
        return answer

    def product(
        self,
        product_id: str,
    ) -> ProductResponse:
        """All attributes of a product."""
        answer: ProductResponse = self._send("GET", f"/v1/products/{quote(product_id, safe='')}", {})
        return answer

    def change_product(
        self,
        product_id: str,
        body: ProductChangeRequest,
    ) -> ProductChangesResponse:
        """Change price, stock, visibility or other attributes of a product."""
        answer: ProductChangesResponse = self._send("PATCH", f"/v1/products/{quote(product_id, safe='')}", {}, body)
        return answer

    def delete_product(
        self,
        product_id: str,
    ) -> ProductChangesResponse:
        """Delete a product: it is not shown again until it is restored or added by a fit."""
        answer: ProductChangesResponse = self._send("DELETE", f"/v1/products/{quote(product_id, safe='')}", {})
        return answer

    def compare(
        self,
        source: str,
        target: str,
        *,
        locale: str | None = None,
    ) -> ComparisonResponse:
        """The relation between two products in both directions, with evidence."""
        answer: ComparisonResponse = self._send("GET", "/v1/compare", {"source": source, "target": target, "locale": locale})
        return answer

    def basket(
        self,
        product: list[str],
        *,
        k: int | None = None,
        locale: str | None = None,
        where: list[str] | None = None,
        ban: list[str] | None = None,
        pin: list[str] | None = None,
        per_type: int | None = None,
        diversity: float | None = None,
        include: list[Literal["sold_out", "hidden"]] | None = None,
        when_sold_out: int | None = None,
        market: str | None = None,
        session_id: str | None = None,
        user_id: str | None = None,
    ) -> BasketResponse:
        """Complements of a basket, best first."""
        answer: BasketResponse = self._send("GET", "/v1/basket", {"product": product, "k": k, "locale": locale, "where": where, "ban": ban, "pin": pin, "per_type": per_type, "diversity": diversity, "include": include, "when_sold_out": when_sold_out, "market": market, "session_id": session_id, "user_id": user_id})
        return answer

    def session(
        self,
        product: list[str],
        *,
        k: int | None = None,
        locale: str | None = None,
        where: list[str] | None = None,
        ban: list[str] | None = None,
        pin: list[str] | None = None,
        per_type: int | None = None,
        diversity: float | None = None,
        include: list[Literal["sold_out", "hidden"]] | None = None,
        when_sold_out: int | None = None,
        market: str | None = None,
    ) -> SessionResponse:
        """Products that a shopper may view or buy next in a session, most likely first."""
        answer: SessionResponse = self._send("GET", "/v1/session", {"product": product, "k": k, "locale": locale, "where": where, "ban": ban, "pin": pin, "per_type": per_type, "diversity": diversity, "include": include, "when_sold_out": when_sold_out, "market": market})
        return answer

    def complements_of_new(
        self,
        body: NewProductRequest,
        *,
        k: int | None = None,
        locale: str | None = None,
        where: list[str] | None = None,
        ban: list[str] | None = None,
        pin: list[str] | None = None,
        per_type: int | None = None,
        diversity: float | None = None,
        include: list[Literal["sold_out", "hidden"]] | None = None,
        when_sold_out: int | None = None,
        market: str | None = None,
    ) -> ComplementsResponse:
        """Complements of a product that is not in the catalogue, from its attributes."""
        answer: ComplementsResponse = self._send("POST", "/v1/complements", {"k": k, "locale": locale, "where": where, "ban": ban, "pin": pin, "per_type": per_type, "diversity": diversity, "include": include, "when_sold_out": when_sold_out, "market": market}, body)
        return answer

    def batch(
        self,
        body: BatchRequest,
        *,
        locale: str | None = None,
    ) -> BatchResponse:
        """Complements of several products, a list for each, in the order of the request."""
        answer: BatchResponse = self._send("POST", "/v1/batch", {"locale": locale}, body)
        return answer

    def next_for_user(
        self,
        user_id: str,
        *,
        k: int | None = None,
        locale: str | None = None,
        where: list[str] | None = None,
        ban: list[str] | None = None,
        include: list[Literal["sold_out", "hidden"]] | None = None,
        market: str | None = None,
    ) -> ShopperNextResponse:
        """Products that a shopper may buy next: repeat purchases and new products."""
        answer: ShopperNextResponse = self._send("GET", f"/v1/users/{quote(user_id, safe='')}/next", {"k": k, "locale": locale, "where": where, "ban": ban, "include": include, "market": market})
        return answer

    def search(
        self,
        q: str,
        *,
        k: int | None = None,
        locale: str | None = None,
    ) -> SearchResponse:
        """Search products by words of the title or by id, best match first."""
        answer: SearchResponse = self._send("GET", "/v1/search", {"q": q, "k": k, "locale": locale})
        return answer

    def best_sellers(
        self,
        *,
        k: int | None = None,
        locale: str | None = None,
    ) -> BestSellersResponse:
        """The most purchased products, without sold-out, hidden and deleted ones."""
        answer: BestSellersResponse = self._send("GET", "/v1/best-sellers", {"k": k, "locale": locale})
        return answer

    def bundle(
        self,
    ) -> BundleInfoResponse:
        """Information about the bundle: data, models, product types and permissions."""
        answer: BundleInfoResponse = self._send("GET", "/v1/bundle", {})
        return answer

    def report(
        self,
    ) -> ReportResponse:
        """The benchmark report of the models (setting `serve.report`)."""
        answer: ReportResponse = self._send("GET", "/v1/report", {})
        return answer

    def metrics(
        self,
    ) -> str:
        """Metrics in the Prometheus text format."""
        answer: str = self._send("GET", "/metrics", {}, text=True)
        return answer

    def live(
        self,
    ) -> HealthResponse:
        """Liveness check: the process responds."""
        answer: HealthResponse = self._send("GET", "/v1/health/live", {})
        return answer

    def ready(
        self,
    ) -> HealthResponse:
        """Readiness check: a complete bundle is open, and the service is not shutting down."""
        answer: HealthResponse = self._send("GET", "/v1/health/ready", {})
        return answer

    def recommendation_health(
        self,
    ) -> HealthReport:
        """Health of the recommendations: coverage, evidence, look-alikes, rules, changes."""
        answer: HealthReport = self._send("GET", "/v1/health/recommendations", {})
        return answer

    def search_kinds(
        self,
        search: str,
        *,
        k: int | None = None,
    ) -> KindSearchResponse:
        """Search product kinds by name, best match first."""
        answer: KindSearchResponse = self._send("GET", "/v1/kinds", {"search": search, "k": k})
        return answer

    def kind(
        self,
        id: str,
    ) -> KindResponse:
        """A product kind: its names, what goes with it and why, and its alternatives."""
        answer: KindResponse = self._send("GET", f"/v1/kinds/{quote(id, safe='')}", {})
        return answer

    def feedback(
        self,
        body: FeedbackRequest,
    ) -> FeedbackResponse:
        """Store feedback events. The response is sent when they are on disk."""
        answer: FeedbackResponse = self._send("POST", "/v1/feedback", {}, body)
        return answer

    def change_products(
        self,
        body: ProductChangesRequest,
    ) -> ProductChangesResponse:
        """Change, delete or restore several products. Unknown ids are skipped and reported."""
        answer: ProductChangesResponse = self._send("POST", "/v1/products", {}, body)
        return answer

    def rules(
        self,
    ) -> RulesResponse:
        """The rules of the bundle, and problems with them."""
        answer: RulesResponse = self._send("GET", "/v1/rules", {})
        return answer

    def put_rules(
        self,
        body: RulesRequest,
    ) -> RuleChangeResponse:
        """Add rules. A rule replaces the stored rule with the same id."""
        answer: RuleChangeResponse = self._send("POST", "/v1/rules", {}, body)
        return answer

    def remove_rule(
        self,
        rule_id: str,
    ) -> RuleChangeResponse:
        """Remove a rule."""
        answer: RuleChangeResponse = self._send("DELETE", f"/v1/rules/{quote(rule_id, safe='')}", {})
        return answer

    def undo_rules(
        self,
    ) -> RuleChangeResponse:
        """Undo the latest change of the rules that is not undone yet."""
        answer: RuleChangeResponse = self._send("POST", "/v1/rules/undo", {})
        return answer

    def rule_history(
        self,
    ) -> RuleHistoryResponse:
        """Changes of the rules, newest first; at most 200."""
        answer: RuleHistoryResponse = self._send("GET", "/v1/rules/history", {})
        return answer

    def preview_rules(
        self,
        body: PreviewRequest,
    ) -> PreviewResponse:
        """Compare recommendations with stored and with changed rules; nothing is stored."""
        answer: PreviewResponse = self._send("POST", "/v1/rules/preview", {}, body)
        return answer

    def put_labels(
        self,
        body: LabelsRequest,
    ) -> StoredLabelsResponse:
        """Store labels of recommendations. The response is sent when they are on disk."""
        answer: StoredLabelsResponse = self._send("POST", "/v1/labels", {}, body)
        return answer

    def labels(
        self,
        *,
        source: str | None = None,
        k: int | None = None,
    ) -> StoredLabelsResponse:
        """Current labels, newest first: the latest label of each person for each pair."""
        answer: StoredLabelsResponse = self._send("GET", "/v1/labels", {"source": source, "k": k})
        return answer

    def results(
        self,
        *,
        by: Literal["all", "day", "model", "fallback", "type_pair", "rank", "market", "variant", "rule"] | None = None,
    ) -> ResultsResponse:
        """Clicks, carts and revenue of recommendations; only for keys in `serve.editors`."""
        answer: ResultsResponse = self._send("GET", "/v1/results", {"by": by})
        return answer

    def relevance(
        self,
        body: RelevanceRequest,
    ) -> RelevanceResponse:
        """Classify how relevant each product is to its query."""
        answer: RelevanceResponse = self._send("POST", "/v1/relevance", {}, body)
        return answer


def _text(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return list(value) if isinstance(value, (list, tuple)) else value
