"""The first sentence of each command's help, so that `goeswith --help` imports no command."""

from __future__ import annotations

from typing import Final

SUMMARIES: Final = {
    "import": (
        "Turn exports of a shop or a public data set into tables that every other command reads."
    ),
    "relations": "Count pairs of products bought together, viewed together or bought after a view.",
    "fit": "Train models of complements, and write a bundle that can be queried and served.",
    "update": "Add the counts of new events and compute new recommendations, without a full fit.",
    "follow": "Update a bundle with the events of a stream, or of the service, until interrupted.",
    "add": (
        "Add products by their attributes: they get recommendations and are recommended for others."
    ),
    "explain": "Write explanations of the first recommendations of each product into the bundle.",
    "recommend": "Recommend complements of a product, best first, each with its evidence.",
    "search": "Find products by their titles and ids.",
    "export": "Write the complements of every product to files, a database or a shop format.",
    "inspect": "Show the data, models and coverage of a bundle, and check every file of it.",
    "bundles": (
        "Propose sets of two to four products to sell together, with the number of baskets."
    ),
    "health": "Show coverage, look-alikes, weak evidence, hubs, rules in use, and what changed.",
    "facts": "Change price, stock, visibility, markets or other attributes of products at once.",
    "rules": (
        "Rules of a shop: ban, pin, boost, bury and limit recommendations, with history and undo."
    ),
    "benchmark": "Compare models on held-out data: accuracy, direction, substitutes, types, cost.",
    "evaluate-policy": (
        "Estimate what another policy would have earned, from a log with propensities."
    ),
    "results": "Report impressions, clicks, carts and revenue of recommendations.",
    "experiment": (
        "Experiments: compare variants on any day, and compute the number of shoppers needed."
    ),
    "forget": "Remove a shopper or old lines from the feedback log, or a shopper from a bundle.",
    "models": (
        "List the models of complements, of the next product in a session, of the next basket."
    ),
    "serve": "Serve recommendations over HTTP, with a web page.",
    "mcp": "Serve recommendations to AI assistants over the Model Context Protocol; read only.",
    "key": "Print a new API key, once, and its line for the file of keys.",
    "signing-key": "Write a new private key, and print its public key.",
    "demo": "Import, fit, evaluate and recommend on Complete Journey, a year of grocery baskets.",
    "config": "Print a project file with the settings that most shops need, at their defaults.",
    "doctor": "Check Python, libraries, extras and, in a temporary folder, the complete workflow.",
    "relevance": (
        "Classify pairs as exact, substitute, complement or irrelevant: a query and a "
        "product, or two products."
    ),
    "kinds": "Product kinds: which kinds go together by the open table, and the kind of a title.",
    "label": (
        "Label recommendations: a sample for people to fill in, and the table for "
        "`goeswith benchmark --protocol judged`."
    ),
    "data": "The tables of a shop: how they are read, and copies from databases and stores.",
}
"""Command -> its summary; a command that is missing here is imported for it."""
