"""The first sentence of each command's help, so that `goeswith --help` imports no command."""

from __future__ import annotations

from typing import Final

SUMMARIES: Final = {
    "import": (
        "Turn exports of a shop or a public data set into tables that every other command reads."
    ),
    "relations": "Count which products are bought together, compared, or bought after a view.",
    "fit": "Learn what goes with what, and write a bundle that answers queries.",
    "update": "Add the counts of new events and compute new recommendations, without a full fit.",
    "follow": "Update a bundle with the events of a stream, or of the service, until interrupted.",
    "add": (
        "Add products by their attributes: they get recommendations and are recommended for others."
    ),
    "explain": "Write explanations of the first recommendations of each product into the bundle.",
    "recommend": "Recommend complements of a product, best first, each with its evidence.",
    "search": "Find products by their titles and ids.",
    "export": "Write what goes with every product, for a shop that reads tables rather than HTTP.",
    "inspect": "Show what a bundle was made from and what it answers, and check every file of it.",
    "bundles": (
        "Propose sets of two to four products to sell as one, with the baskets that hold them."
    ),
    "health": "Show coverage, look-alikes, weak evidence, hubs, rules in use, and what changed.",
    "facts": "Change price, stock, visibility, markets or other attributes of known products.",
    "rules": (
        "Rules of a shop: ban, pin, boost, bury and limit recommendations, with history and undo."
    ),
    "benchmark": "Compare models on held-out data: accuracy, direction, substitutes, types, cost.",
    "evaluate-policy": (
        "Estimate what another policy would have earned, from a log with propensities."
    ),
    "results": "Report impressions, clicks, carts and revenue of recommendations.",
    "experiment": (
        "Experiments: compare the variants of a file on any day, and compute the size needed."
    ),
    "forget": "Remove a shopper or old lines from the feedback log, or a shopper from a bundle.",
    "models": (
        "List the models: of complements, of the next product in a session, of the next basket."
    ),
    "serve": "Serve recommendations over HTTP, with a page for people.",
    "mcp": "Serve recommendations to agents by the Model Context Protocol; read only.",
    "key": "Print a new key, once, and the line of the key file that accepts it.",
    "signing-key": "Write a new private key, and print its public key.",
    "demo": "Mine, fit, evaluate and recommend on Complete Journey, a year of a grocer's baskets.",
    "config": "Print a project file with the settings that most shops need, at their defaults.",
    "doctor": "Check Python, libraries, extras and, in a temporary folder, the complete workflow.",
    "relevance": (
        "Classify pairs as exact, substitute, complement or irrelevant: a query and a "
        "product, or two products."
    ),
    "kinds": "Product kinds: what goes with what by the open table, and which kind a title has.",
    "label": (
        "Labels of recommendations by people: a sample to fill in, and the table for "
        "`goeswith benchmark --protocol judged`."
    ),
    "data": "The tables of a shop: which column is what, and the settings to read them.",
}
"""Command -> its summary; a command that is missing here is imported for it."""
