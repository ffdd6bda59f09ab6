// Typed client of the goeswith service, made by clients/generate.py; do not edit.

/** Complements of a basket. */
export interface BasketResponse {
  bundle: string;
  skipped?: SkippedSchema[];
  rules?: string[];
  recommendation_id?: string | null;
  basket: string[];
  complements: RecommendationSchema[];
}

/** One product of a batch: its recommendations, or an error. */
export interface BatchItemSchema {
  product_id: string;
  complements?: RecommendationSchema[] | null;
  error?: string | null;
}

/** Products to recommend for, each separately. */
export interface BatchRequest {
  product_ids: string[];
  k?: number | null;
}

/** The products of a batch, in the order of the request. */
export interface BatchResponse {
  bundle: string;
  answers: BatchItemSchema[];
}

/** A product and its number of purchases. */
export interface BestSellerSchema {
  product_id: string;
  title: string | null;
  type: string | null;
  brand: string | null;
  price: number | null;
  purchases: number;
}

/** The most purchased products, in descending order. */
export interface BestSellersResponse {
  bundle: string;
  products: BestSellerSchema[];
}

/** Changes since the last build. */
export interface BuildChanges {
  last: string;
  created: string;
  new_products: number;
  removed_products: number;
  compared: number;
  changed: number;
  reordered: number;
  reasons_entered: Record<string, number>;
  reasons_left: Record<string, number>;
  top_five: TopFive | null;
  coverage: Coverage | null;
  products: ChangedProduct[];
}

/** Information about the bundle of the service. */
export interface BundleInfoResponse {
  bundle: string;
  created: string;
  data: string;
  products: number;
  k: number;
  models: string[];
  probabilities: string[];
  session_model: string | null;
  types: TypeCountSchema[];
  filters: FilterColumnSchema[];
  has_report: boolean;
  may_edit: boolean;
  edit_refusal: string | null;
  market: string | null;
  image_origins: string[];
  counted: boolean;
  explained: boolean;
}

/** A product whose top five differs from that of the last build. */
export interface ChangedProduct {
  product_id: string;
  title: string | null;
  purchases: number;
  entered: ChangedRecommendation[];
  left: ChangedRecommendation[];
  rules?: string[];
}

/** A product that entered or left a top five. */
export interface ChangedRecommendation {
  product_id: string;
  title: string | null;
  reason: "new_product" | "removed_product" | "new_counts" | "available_again" | "sold_out_or_hidden" | "now_a_look_alike" | "ranking";
  before: number | null;
  now: number | null;
}

/** A possible answer to a question. */
export interface ChoiceSchema {
  answer: string;
  where: string[];
  products: number;
  share: number;
}

/** Comparison of two products. */
export interface ComparisonResponse {
  bundle: string;
  source: ProductSummarySchema;
  target: ProductSummarySchema;
  relation: "complement" | "reverse" | "mutual" | "substitute" | "none";
  forward: DirectionSchema;
  backward: DirectionSchema;
  substitutes: boolean;
  why: string;
}

/** Complements of a product. */
export interface ComplementsResponse {
  bundle: string;
  skipped?: SkippedSchema[];
  rules?: string[];
  recommendation_id?: string | null;
  product_id: string;
  complements: RecommendationSchema[];
}

/** Numbers of products by their recommendations. */
export interface Coverage {
  products: number;
  without: number;
  few: number;
  fallback_only: number;
  without_type: number;
  recommended: number;
  models: ModelCoverage[];
}

/** One direction: the second product as a recommendation for the first. */
export interface DirectionSchema {
  rank: number | null;
  score: number | null;
  model: string | null;
  fallback: boolean;
  probability: number | null;
  evidence: EvidenceSchema;
  why: string;
}

/** The evidence for a pair. */
export interface EvidenceSchema {
  basis: "bought_together" | "bought_before" | "linked" | "alike" | "types" | "popular" | "model" | "viewed_together" | "attributes";
  bought_together: number;
  source_first: number | null;
  viewed_together: number;
  confidence: number | null;
  lift: number | null;
  pmi_lower: number | null;
  purchases: number;
  counted: boolean;
  link?: LinkSchema | null;
  types?: TypePairSchema | null;
  unit?: "baskets" | "sessions" | "users" | null;
  target_first?: number | null;
  customers?: number | null;
  strength?: "strong" | "medium" | "weak" | null;
}

/** An interaction of a shopper with a recommendation. */
export interface FeedbackEventSchema {
  event: "impression" | "click" | "cart" | "purchase";
  product_id: string;
  source_id?: string | null;
  bundle?: string | null;
  session_id?: string | null;
  user_id?: string | null;
  position?: number | null;
  event_id?: string | null;
  recommendation_id?: string | null;
  order_id?: string | null;
  price?: number | null;
  currency?: string | null;
  quantity?: number | null;
  occurred_at?: string | null;
}

/** Events; they are stored in the given order. */
export interface FeedbackRequest {
  events: FeedbackEventSchema[];
}

/** Result of a feedback request. */
export interface FeedbackResponse {
  bundle: string;
  accepted: number;
}

/** A catalogue column that filters can use. */
export interface FilterColumnSchema {
  column: string;
  kind: "text" | "number" | "boolean" | "time" | "list";
}

/** A notice about the build. */
export interface HealthNotice {
  code: string;
  text: string;
}

/** The health of the recommendations, with current rules and live facts. */
export interface HealthReport {
  coverage: Coverage;
  top_five: TopFive;
  hubs: Hub[];
  weak_products: WeakProduct[];
  issues: Record<string, number>;
  changes: BuildChanges | null;
  not_compared?: string | null;
  log: LogVolume | null;
  bundle: string;
  created: string;
  rules: RulesInUse;
  unavailable: number;
  notices: HealthNotice[];
}

/** State of the service. */
export interface HealthResponse {
  status: "live" | "ready";
  bundle: string;
  products: number;
}

/** A product that is recommended for many others. */
export interface Hub {
  product_id: string;
  title: string | null;
  lists: number;
  share: number;
}

/** A linked kind. */
export interface KindLinkSchema {
  id: string;
  name: string;
  reason: string;
  strength: number;
  match: string[];
}

/** A kind: id and name. */
export interface KindNameSchema {
  id: string;
  name: string;
}

/** A kind that is never shown together with this one. */
export interface KindNeverSchema {
  id: string;
  name: string;
  why: string;
}

/** A kind with all its data in the table. */
export interface KindResponse {
  id: string;
  name: string;
  department: string;
  broader: string | null;
  group: boolean;
  bundle: string;
  table: string;
  path: string[];
  synonyms: string[];
  names: Record<string, string[]>;
  use: string | null;
  audience: string[];
  fits: string[];
  confused_with: string[];
  goes_with: KindLinkSchema[];
  recommended_for: KindLinkSchema[];
  alternatives: KindNameSchema[];
  never_together: KindNeverSchema[];
}

/** Kinds that match a search. */
export interface KindSearchResponse {
  bundle: string;
  query: string;
  kinds: KindSummarySchema[];
}

/** A kind and its position in the hierarchy. */
export interface KindSummarySchema {
  id: string;
  name: string;
  department: string;
  broader: string | null;
  group: boolean;
}

/** General knowledge about the kinds of two products; it is not evidence from purchases. */
export interface KnowledgeSchema {
  source_kind: string;
  target_kind: string;
  reason: string;
  strength: number;
}

/** A label that a person gives to a recommendation. */
export interface LabelSchema {
  source: string;
  target: string;
  label: "complement" | "substitute" | "weak" | "irrelevant" | "none";
}

/** Labels to store. */
export interface LabelsRequest {
  labels: LabelSchema[];
}

/** A product left out because the shopper bought it. */
export interface LeftOutSchema {
  product_id: string;
  reason: string;
}

/** A product through which source and target are connected. */
export interface LinkSchema {
  product_id: string;
  title: string | null;
  type: string | null;
  with_source: number;
  with_target: number;
}

/** Number of events on a day. */
export interface LogDay {
  day: string;
  events: number;
  purchases: number;
  views: number;
  new_products: number | null;
}

/** Number of events over time. */
export interface LogVolume {
  first: string;
  last: string;
  days: LogDay[];
  missing: number;
  missing_days: string[];
}

/** Number of recommendations of one model. */
export interface ModelCoverage {
  model: string;
  fallback: boolean;
  recommendations: number;
  products_first: number;
}

/** A product that is not in the catalogue. */
export interface NewProductRequest {
  attributes: Record<string, string | number | boolean | string[] | number[] | null>;
}

/** One candidate for the next product in a session. */
export interface NextSchema {
  product_id: string;
  title: string | null;
  type: string | null;
  relation: "next" | "complement" | "similar";
  score: number;
  model: string;
  fallback: boolean;
  evidence: EvidenceSchema;
  why: string;
  goes_with: string[];
  pinned: boolean;
  explanation: string | null;
  knowledge?: KnowledgeSchema | null;
  more_variants?: number;
  rules?: string[];
  proposed_by: string[];
  after: string | null;
  followed: number;
}

/** Complements of a product for one shopper. */
export interface PersonalComplementsResponse {
  bundle: string;
  skipped?: SkippedSchema[];
  rules?: string[];
  recommendation_id?: string | null;
  product_id: string;
  complements: PersonalRecommendationSchema[];
  personal: PersonalizationSchema;
}

/** A complement for one shopper. */
export interface PersonalRecommendationSchema {
  product_id: string;
  title: string | null;
  type: string | null;
  relation: "complement" | "similar" | "goes_with";
  score: number;
  model: string;
  fallback: boolean;
  evidence: EvidenceSchema;
  why: string;
  goes_with: string[];
  pinned: boolean;
  explanation: string | null;
  knowledge?: KnowledgeSchema | null;
  more_variants?: number;
  rules?: string[];
  rank_for_all: number | null;
  personal: string | null;
}

/** A shopper: either the products bought, or an id whose history the bundle has. */
export interface PersonalRequest {
  history?: string[] | null;
  user_id?: string | null;
  repeats?: "auto" | "all" | "none";
}

/** How the list was personalized. */
export interface PersonalizationSchema {
  source: "history" | "user";
  known: boolean;
  products: number;
  unknown: number;
  similar_shoppers: boolean;
  left_out: LeftOutSchema[];
}

/** Recommendations of one product before and after the change. */
export interface PreviewItemSchema {
  product_id: string;
  before: RecommendationSchema[];
  after: RecommendationSchema[];
  entered: string[];
  left: string[];
  rules: string[];
}

/** Changes of the rules to preview, and products to preview them for. */
export interface PreviewRequest {
  rules: Rule[];
  remove?: string[];
  product_ids?: string[];
  k?: number;
}

/** Recommendations with the stored rules and with the changed rules. */
export interface PreviewResponse {
  bundle: string;
  products: number;
  differences: PreviewItemSchema[];
  problems: RuleProblemSchema[];
}

/** New values of one product. */
export interface ProductChangeRequest {
  attributes: Record<string, string | number | boolean | string[] | null>;
}

/** A change of one product. */
export interface ProductChangeSchema {
  product_id: string;
  attributes?: Record<string, string | number | boolean | string[] | null>;
  deleted?: boolean | null;
}

/** Changes of several products; they are applied in the given order. */
export interface ProductChangesRequest {
  products: ProductChangeSchema[];
}

/** Changes that were stored; later responses use them. */
export interface ProductChangesResponse {
  bundle: string;
  changed: number;
  unchanged: number;
  skipped: SkippedChangeSchema[];
}

/** A product of the catalogue. */
export interface ProductResponse {
  bundle: string;
  product_id: string;
  attributes: Record<string, unknown>;
  changed?: string[];
}

/** A product with its main attributes. */
export interface ProductSummarySchema {
  product_id: string;
  title: string | null;
  type: string | null;
  brand: string | null;
  price: number | null;
}

/** A question about the recommendations of a product, if there is a useful one. */
export interface QuestionResponse {
  bundle: string;
  product_id: string;
  question: QuestionSchema | null;
  skipped: SkippedSchema[];
}

/** A question about the recommendations of a product. */
export interface QuestionSchema {
  attribute: string;
  text: string;
  choices: ChoiceSchema[];
  bits: number;
  candidates: number;
}

/** One recommendation. */
export interface RecommendationSchema {
  product_id: string;
  title: string | null;
  type: string | null;
  relation: "complement" | "similar" | "goes_with";
  score: number;
  model: string;
  fallback: boolean;
  evidence: EvidenceSchema;
  why: string;
  goes_with: string[];
  pinned: boolean;
  explanation: string | null;
  knowledge?: KnowledgeSchema | null;
  more_variants?: number;
  rules?: string[];
}

/** The predicted class of a pair. */
export interface RelevanceLabelSchema {
  label: string;
  probabilities: Record<string, number>;
}

/** A query (or a product instead of it) and a product. */
export interface RelevancePairSchema {
  query: string;
  text?: string;
  product_id?: string | null;
  source_id?: string | null;
  locale?: string;
}

/** Pairs to classify. */
export interface RelevanceRequest {
  pairs: RelevancePairSchema[];
}

/** Classes of the pairs, in the order of the request. */
export interface RelevanceResponse {
  pairs: RelevanceLabelSchema[];
}

/** A benchmark report, as `goeswith benchmark -o FILE.json` writes it. */
export interface ReportResponse {
  bundle: string;
  report: Record<string, unknown>;
}

/** Results of recommendations, from the feedback log; at most one minute old. */
export interface ResultsResponse {
  bundle: string;
  counted: "sent" | "seen";
  currency: string | null;
  touch: "click" | "view";
  window_hours: number;
  first_at: string;
  last_at: string;
  by: "all" | "day" | "model" | "fallback" | "type_pair" | "rank" | "market" | "variant" | "rule";
  rows: ResultsRow[];
  more_rows: number;
  attach: Record<string, unknown>;
  incremental: Record<string, unknown> | null;
  experiment: Record<string, unknown> | null;
  notes: string[];
}

/** Figures for one value of a dimension. `_low` and `_high` are bounds of 95 % intervals. */
export interface ResultsRow {
  value: string;
  impressions: number;
  clicks: number;
  carts: number;
  units: number;
  revenue: number;
  click_rate: number;
  click_rate_low: number;
  click_rate_high: number;
  cart_rate: number;
  cart_rate_low: number;
  cart_rate_high: number;
  units_per_1000: number;
  units_per_1000_low: number;
  units_per_1000_high: number;
  revenue_per_1000: number;
  revenue_per_1000_low: number;
  revenue_per_1000_high: number;
}

/** Products for which this product is recommended. */
export interface ReverseResponse {
  bundle: string;
  skipped?: SkippedSchema[];
  rules?: string[];
  recommendation_id?: string | null;
  product_id: string;
  sources: RecommendationSchema[];
}

/** A merchandising rule: what to do with target products when source products are queried. */
export interface Rule {
  id: string;
  action: "boost" | "bury" | "pin" | "ban" | "only" | "same" | "other" | "limit";
  source?: RuleSide;
  target?: RuleSide;
  min_price_ratio?: number | null;
  max_price_ratio?: number | null;
  markets?: string[];
  start?: string | null;
  end?: string | null;
  rank?: number | null;
  by?: number | null;
  attribute?: string | null;
  max?: number | null;
  priority?: number;
  owner?: string;
  note?: string;
}

/** A change of the rules. */
export interface RuleChangeResponse {
  bundle: string;
  change: RuleChangeSchema | null;
  problems: RuleProblemSchema[];
}

/** One change of the rules. */
export interface RuleChangeSchema {
  revision: number;
  at: string;
  who: string | null;
  action: string;
  before: Record<string, Record<string, unknown> | null>;
  after: Record<string, Record<string, unknown> | null>;
  undoes?: number | null;
}

/** Changes of the rules, newest first. */
export interface RuleHistoryResponse {
  bundle: string;
  changes: RuleChangeSchema[];
}

/** A problem with a rule. */
export interface RuleProblemSchema {
  rule: string;
  problem: string;
  is_left_out: boolean;
}

/** Conditions on a product, all of which must hold. Without conditions: every product. */
export interface RuleSide {
  products?: string[];
  types?: string[];
  where?: string[];
}

/** A rule that changes recommendations. */
export interface RuleUse {
  rule: string;
  products: number;
}

/** Which rules change recommendations of a sample of products. */
export interface RulesInUse {
  rules: number;
  tried: number;
  firing: RuleUse[];
  silent: string[];
}

/** Rules to add. A rule replaces the stored rule with the same id. */
export interface RulesRequest {
  rules: Rule[];
}

/** The rules of the service. */
export interface RulesResponse {
  bundle: string;
  rules: Rule[];
  problems: RuleProblemSchema[];
}

/** Products that match a search, best match first. */
export interface SearchResponse {
  bundle: string;
  query: string;
  products: ProductSummarySchema[];
}

/** Candidates for the next product in a session. */
export interface SessionResponse {
  bundle: string;
  skipped?: SkippedSchema[];
  rules?: string[];
  recommendation_id?: string | null;
  session: string[];
  next: NextSchema[];
}

/** Products that a shopper may buy next. */
export interface ShopperNextResponse {
  bundle: string;
  user_id: string;
  known: boolean;
  model: string;
  again: ShopperProductSchema[];
  new: ShopperProductSchema[];
  skipped?: SkippedSchema[];
}

/** A product that a shopper may buy. */
export interface ShopperProductSchema {
  product_id: string;
  title: string | null;
  type: string | null;
  score: number;
  why: string;
  times: number;
  baskets: number;
  interval_days: number | null;
  last_days_ago: number | null;
  shoppers: number;
}

/** Substitutes of a product. */
export interface SimilarsResponse {
  bundle: string;
  skipped?: SkippedSchema[];
  rules?: string[];
  recommendation_id?: string | null;
  product_id: string;
  similars: RecommendationSchema[];
}

/** A change that was skipped. */
export interface SkippedChangeSchema {
  product_id: string;
  reason: string;
}

/** A pin, ban, filter or rule that was not applied. */
export interface SkippedSchema {
  what: "pin" | "ban" | "filter" | "rule";
  value: string;
  reason: string;
}

/** A stored label. */
export interface StoredLabelSchema {
  source: string;
  target: string;
  label: "complement" | "substitute" | "weak" | "irrelevant" | "none";
  who: string | null;
  at: string;
}

/** Stored labels. */
export interface StoredLabelsResponse {
  bundle: string;
  labels: StoredLabelSchema[];
  unreadable?: number;
}

/** Shares (0 to 1) of the recommendations in the top fives of all products. */
export interface TopFive {
  recommendations: number;
  look_alikes: number;
  same_type: number | null;
  fallback: number;
  bought_together: number;
  strong: number | null;
  medium: number | null;
  weak: number | null;
}

/** A product type and its number of products. */
export interface TypeCountSchema {
  type: string;
  products: number;
}

/** How often products of two types were bought together. */
export interface TypePairSchema {
  source: string;
  target: string;
  bought_together: number;
}

/** A product whose recommendations have issues. */
export interface WeakProduct {
  product_id: string;
  title: string | null;
  type: string | null;
  purchases: number;
  recommendations: number;
  issues: ("no_recommendations" | "few_recommendations" | "fallback_only" | "look_alikes" | "weak_evidence")[];
}

/** An invalid field of the request. */
export interface FieldErrorSchema {
  loc: (string | number)[];
  msg: string;
  type: string;
}

/** A product with a similar id or title. */
export interface NearestProductSchema {
  product_id: string;
  title: string | null;
}

/** An error as problem details (RFC 9457). */
export interface Problem {
  type?: string;
  title: string;
  status: number;
  detail: string;
  bundle?: string | null;
  nearest?: NearestProductSchema[] | null;
  errors?: FieldErrorSchema[] | null;
}

/** An answer that is an error, as problem details (RFC 9457). */
export class GoesWithProblem extends Error {
  readonly status: number;
  readonly problem: Partial<Problem>;

  constructor(status: number, problem: Partial<Problem>) {
    super(`${status}: ${problem.detail ?? problem.title ?? ""}`);
    this.status = status;
    this.problem = problem;
  }
}

type Query = Record<string, string | number | boolean | readonly string[] | null | undefined>;

/** A service at `address`; `key` is one of its keys, where it needs one. */
export class GoesWithClient {
  readonly #address: string;
  readonly #headers: Record<string, string>;

  constructor(address: string, key?: string) {
    this.#address = address.replace(/\/$/, "");
    this.#headers = { Accept: "application/json" };
    if (key !== undefined) this.#headers.Authorization = `Bearer ${key}`;
  }

  async #send(method: string, path: string, query: Query, body?: unknown): Promise<any> {
    const given = new URLSearchParams();
    for (const [name, value] of Object.entries(query)) {
      if (value === undefined || value === null) continue;
      for (const one of Array.isArray(value) ? value : [value]) given.append(name, String(one));
    }
    const headers = { ...this.#headers };
    if (body !== undefined) headers["Content-Type"] = "application/json";
    const answer = await fetch(this.#address + path + (given.size ? `?${given}` : ""), {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const isJson = answer.headers.get("content-type")?.includes("json") ?? false;
    const content = isJson ? await answer.json() : await answer.text();
    if (!answer.ok) throw new GoesWithProblem(answer.status, isJson ? content : {});
    return content;
  }

  /** A question for the shopper that narrows down the complements of a product. */
  question(product_id: string, options: { locale?: string | null; where?: string[] | null; ban?: string[] | null; pin?: string[] | null; per_type?: number | null; diversity?: number | null; include?: ("sold_out" | "hidden")[] | null; when_sold_out?: number | null; market?: string | null } = {}): Promise<QuestionResponse> {
    return this.#send("GET", `/v1/products/${encodeURIComponent(product_id)}/question`, { ...options });
  }

  /** Complements of a product, best first; at most `k`. */
  complements(product_id: string, options: { k?: number | null; model?: string | null; locale?: string | null; where?: string[] | null; ban?: string[] | null; pin?: string[] | null; per_type?: number | null; diversity?: number | null; include?: ("sold_out" | "hidden")[] | null; when_sold_out?: number | null; market?: string | null; session_id?: string | null; user_id?: string | null } = {}): Promise<ComplementsResponse> {
    return this.#send("GET", `/v1/products/${encodeURIComponent(product_id)}/complements`, { ...options });
  }

  /** Complements of a product for one shopper, best first; at most `k`. */
  personal_complements(product_id: string, body: PersonalRequest, options: { k?: number | null; locale?: string | null; where?: string[] | null; ban?: string[] | null; pin?: string[] | null; per_type?: number | null; diversity?: number | null; include?: ("sold_out" | "hidden")[] | null; when_sold_out?: number | null; market?: string | null } = {}): Promise<PersonalComplementsResponse> {
    return this.#send("POST", `/v1/products/${encodeURIComponent(product_id)}/complements`, { ...options }, body);
  }

  /** Substitutes of a product: viewed alternatives, then products with similar attributes. */
  similars(product_id: string, options: { k?: number | null; locale?: string | null; where?: string[] | null; ban?: string[] | null; include?: ("sold_out" | "hidden")[] | null; market?: string | null } = {}): Promise<SimilarsResponse> {
    return this.#send("GET", `/v1/products/${encodeURIComponent(product_id)}/similars`, { ...options });
  }

  /** Products for which this product is recommended. */
  reverse(product_id: string, options: { k?: number | null; locale?: string | null } = {}): Promise<ReverseResponse> {
    return this.#send("GET", `/v1/products/${encodeURIComponent(product_id)}/reverse`, { ...options });
  }

  /** All attributes of a product. */
  product(product_id: string): Promise<ProductResponse> {
    return this.#send("GET", `/v1/products/${encodeURIComponent(product_id)}`, {});
  }

  /** Change price, stock, visibility or other attributes of a product. */
  change_product(product_id: string, body: ProductChangeRequest): Promise<ProductChangesResponse> {
    return this.#send("PATCH", `/v1/products/${encodeURIComponent(product_id)}`, {}, body);
  }

  /** Delete a product: it is not shown again until it is restored or added by a fit. */
  delete_product(product_id: string): Promise<ProductChangesResponse> {
    return this.#send("DELETE", `/v1/products/${encodeURIComponent(product_id)}`, {});
  }

  /** The relation between two products in both directions, with evidence. */
  compare(source: string, target: string, options: { locale?: string | null } = {}): Promise<ComparisonResponse> {
    return this.#send("GET", `/v1/compare`, { source, target, ...options });
  }

  /** Complements of a basket, best first. */
  basket(product: string[], options: { k?: number | null; locale?: string | null; where?: string[] | null; ban?: string[] | null; pin?: string[] | null; per_type?: number | null; diversity?: number | null; include?: ("sold_out" | "hidden")[] | null; when_sold_out?: number | null; market?: string | null; session_id?: string | null; user_id?: string | null } = {}): Promise<BasketResponse> {
    return this.#send("GET", `/v1/basket`, { product, ...options });
  }

  /** Products that a shopper may view or buy next in a session, most likely first. */
  session(product: string[], options: { k?: number | null; locale?: string | null; where?: string[] | null; ban?: string[] | null; pin?: string[] | null; per_type?: number | null; diversity?: number | null; include?: ("sold_out" | "hidden")[] | null; when_sold_out?: number | null; market?: string | null } = {}): Promise<SessionResponse> {
    return this.#send("GET", `/v1/session`, { product, ...options });
  }

  /** Complements of a product that is not in the catalogue, from its attributes. */
  complements_of_new(body: NewProductRequest, options: { k?: number | null; locale?: string | null; where?: string[] | null; ban?: string[] | null; pin?: string[] | null; per_type?: number | null; diversity?: number | null; include?: ("sold_out" | "hidden")[] | null; when_sold_out?: number | null; market?: string | null } = {}): Promise<ComplementsResponse> {
    return this.#send("POST", `/v1/complements`, { ...options }, body);
  }

  /** Complements of several products, a list for each, in the order of the request. */
  batch(body: BatchRequest, options: { locale?: string | null } = {}): Promise<BatchResponse> {
    return this.#send("POST", `/v1/batch`, { ...options }, body);
  }

  /** Products that a shopper may buy next: repeat purchases and new products. */
  next_for_user(user_id: string, options: { k?: number | null; locale?: string | null; where?: string[] | null; ban?: string[] | null; include?: ("sold_out" | "hidden")[] | null; market?: string | null } = {}): Promise<ShopperNextResponse> {
    return this.#send("GET", `/v1/users/${encodeURIComponent(user_id)}/next`, { ...options });
  }

  /** Search products by words of the title or by id, best match first. */
  search(q: string, options: { k?: number | null; locale?: string | null } = {}): Promise<SearchResponse> {
    return this.#send("GET", `/v1/search`, { q, ...options });
  }

  /** The most purchased products, without sold-out, hidden and deleted ones. */
  best_sellers(options: { k?: number | null; locale?: string | null } = {}): Promise<BestSellersResponse> {
    return this.#send("GET", `/v1/best-sellers`, { ...options });
  }

  /** Information about the bundle: data, models, product types and permissions. */
  bundle(): Promise<BundleInfoResponse> {
    return this.#send("GET", `/v1/bundle`, {});
  }

  /** The benchmark report of the models (setting `serve.report`). */
  report(): Promise<ReportResponse> {
    return this.#send("GET", `/v1/report`, {});
  }

  /** Metrics in the Prometheus text format. */
  metrics(): Promise<string> {
    return this.#send("GET", `/metrics`, {});
  }

  /** Liveness check: the process responds. */
  live(): Promise<HealthResponse> {
    return this.#send("GET", `/v1/health/live`, {});
  }

  /** Readiness check: a complete bundle is open, and the service is not shutting down. */
  ready(): Promise<HealthResponse> {
    return this.#send("GET", `/v1/health/ready`, {});
  }

  /** Health of the recommendations: coverage, evidence, look-alikes, rules, changes. */
  recommendation_health(): Promise<HealthReport> {
    return this.#send("GET", `/v1/health/recommendations`, {});
  }

  /** Search product kinds by name, best match first. */
  search_kinds(search: string, options: { k?: number | null } = {}): Promise<KindSearchResponse> {
    return this.#send("GET", `/v1/kinds`, { search, ...options });
  }

  /** A product kind: its names, what goes with it and why, and its alternatives. */
  kind(id: string): Promise<KindResponse> {
    return this.#send("GET", `/v1/kinds/${encodeURIComponent(id)}`, {});
  }

  /** Store feedback events. The response is sent when they are on disk. */
  feedback(body: FeedbackRequest): Promise<FeedbackResponse> {
    return this.#send("POST", `/v1/feedback`, {}, body);
  }

  /** Change, delete or restore several products. Unknown ids are skipped and reported. */
  change_products(body: ProductChangesRequest): Promise<ProductChangesResponse> {
    return this.#send("POST", `/v1/products`, {}, body);
  }

  /** The rules of the bundle, and problems with them. */
  rules(): Promise<RulesResponse> {
    return this.#send("GET", `/v1/rules`, {});
  }

  /** Add rules. A rule replaces the stored rule with the same id. */
  put_rules(body: RulesRequest): Promise<RuleChangeResponse> {
    return this.#send("POST", `/v1/rules`, {}, body);
  }

  /** Remove a rule. */
  remove_rule(rule_id: string): Promise<RuleChangeResponse> {
    return this.#send("DELETE", `/v1/rules/${encodeURIComponent(rule_id)}`, {});
  }

  /** Undo the latest change of the rules that is not undone yet. */
  undo_rules(): Promise<RuleChangeResponse> {
    return this.#send("POST", `/v1/rules/undo`, {});
  }

  /** Changes of the rules, newest first; at most 200. */
  rule_history(): Promise<RuleHistoryResponse> {
    return this.#send("GET", `/v1/rules/history`, {});
  }

  /** Compare recommendations with stored and with changed rules; nothing is stored. */
  preview_rules(body: PreviewRequest): Promise<PreviewResponse> {
    return this.#send("POST", `/v1/rules/preview`, {}, body);
  }

  /** Store labels of recommendations. The response is sent when they are on disk. */
  put_labels(body: LabelsRequest): Promise<StoredLabelsResponse> {
    return this.#send("POST", `/v1/labels`, {}, body);
  }

  /** Current labels, newest first: the latest label of each person for each pair. */
  labels(options: { source?: string | null; k?: number | null } = {}): Promise<StoredLabelsResponse> {
    return this.#send("GET", `/v1/labels`, { ...options });
  }

  /** Clicks, carts and revenue of recommendations; only for keys in `serve.editors`. */
  results(options: { by?: "all" | "day" | "model" | "fallback" | "type_pair" | "rank" | "market" | "variant" | "rule" | null } = {}): Promise<ResultsResponse> {
    return this.#send("GET", `/v1/results`, { ...options });
  }

  /** Classify how relevant each product is to its query. */
  relevance(body: RelevanceRequest): Promise<RelevanceResponse> {
    return this.#send("POST", `/v1/relevance`, {}, body);
  }
}
