"""Names of the operations in the OpenAPI schema: generated clients keep their method names."""

from __future__ import annotations

from typing import Any, Final

TAGS: Final = {
    "recommendations": "Recommendations for a product, a basket, a session or a shopper.",
    "catalogue": "Products: read, search and change attributes.",
    "feedback": "Events of shoppers, and results computed from them.",
    "rules": "Merchandising rules, such as pins and bans.",
    "labels": "Labels that people give to recommendations.",
    "kinds": "The built-in table of product kinds and of what goes with what.",
    "service": "Information about the bundle, health checks and metrics.",
}
OPERATIONS: Final = {
    ("get", "/v1/products/{product_id}/complements"): ("complements", "recommendations"),
    ("post", "/v1/products/{product_id}/complements"): (
        "personal_complements",
        "recommendations",
    ),
    ("get", "/v1/products/{product_id}/similars"): ("similars", "recommendations"),
    ("get", "/v1/products/{product_id}/reverse"): ("reverse", "recommendations"),
    ("get", "/v1/products/{product_id}/question"): ("question", "recommendations"),
    ("get", "/v1/compare"): ("compare", "recommendations"),
    ("get", "/v1/basket"): ("basket", "recommendations"),
    ("get", "/v1/session"): ("session", "recommendations"),
    ("get", "/v1/users/{user_id}/next"): ("next_for_user", "recommendations"),
    ("post", "/v1/complements"): ("complements_of_new", "recommendations"),
    ("post", "/v1/batch"): ("batch", "recommendations"),
    ("post", "/v1/relevance"): ("relevance", "recommendations"),
    ("get", "/v1/products/{product_id}"): ("product", "catalogue"),
    ("patch", "/v1/products/{product_id}"): ("change_product", "catalogue"),
    ("delete", "/v1/products/{product_id}"): ("delete_product", "catalogue"),
    ("post", "/v1/products"): ("change_products", "catalogue"),
    ("get", "/v1/search"): ("search", "catalogue"),
    ("get", "/v1/best-sellers"): ("best_sellers", "catalogue"),
    ("post", "/v1/feedback"): ("feedback", "feedback"),
    ("get", "/v1/results"): ("results", "feedback"),
    ("get", "/v1/rules"): ("rules", "rules"),
    ("post", "/v1/rules"): ("put_rules", "rules"),
    ("delete", "/v1/rules/{rule_id}"): ("remove_rule", "rules"),
    ("post", "/v1/rules/undo"): ("undo_rules", "rules"),
    ("get", "/v1/rules/history"): ("rule_history", "rules"),
    ("post", "/v1/rules/preview"): ("preview_rules", "rules"),
    ("get", "/v1/labels"): ("labels", "labels"),
    ("post", "/v1/labels"): ("put_labels", "labels"),
    ("get", "/v1/kinds"): ("search_kinds", "kinds"),
    ("get", "/v1/kinds/{id}"): ("kind", "kinds"),
    ("get", "/v1/bundle"): ("bundle", "service"),
    ("get", "/v1/report"): ("report", "service"),
    ("get", "/v1/health/live"): ("live", "service"),
    ("get", "/v1/health/ready"): ("ready", "service"),
    ("get", "/v1/health/recommendations"): ("recommendation_health", "service"),
    ("get", "/metrics"): ("metrics", "service"),
}
"""(method, path) -> (operation id, tag). An id never changes once it was published."""


def name_operations(schema: dict[str, Any]) -> None:
    """Give the operations of a schema their ids, summaries and tags."""
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            if (method, path) in OPERATIONS:
                operation_id, tag = OPERATIONS[method, path]
                operation["operationId"] = operation_id
                operation["summary"] = operation_id.replace("_", " ").capitalize()
                operation["tags"] = [tag]
    schema["tags"] = [{"name": name, "description": text} for name, text in TAGS.items()]
