"""Settings of the HTTP service."""

from __future__ import annotations

import re
from ipaddress import ip_network
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from goeswith.core.errors import ConfigError
from goeswith.core.signatures import decode_public_key
from goeswith.settings.section import Section


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
            " is not an origin: write scheme and host, such as https://images.shop.example"
        )
    return value


def _check_cors_origin(value: str) -> str:
    """An origin, or `*` for all.

    Raises:
        ValueError: it is neither; a browser compares it as it is.
    """
    return value if value == "*" else _check_origin(value)


def _check_public_key(value: str) -> str:
    """A public key, as written.

    Raises:
        ValueError: it is none.
    """
    try:
        decode_public_key(value)
    except ConfigError as error:
        raise ValueError(str(error)) from error
    return value


class ServeSettings(Section):
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
        description="Seconds between checks for a new build of the bundle, which is then served "
        "without a restart. 0: check only on the signal HUP.",
    )
    cache_mb: int = Field(
        64,
        ge=0,
        le=100_000,
        description="Size of the response cache of a process, in megabytes; what exceeds "
        "half of it is compressed.",
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
    trusted_keys: list[Annotated[str, AfterValidator(_check_public_key)]] = Field(
        [],
        description="Public keys of `goeswith signing-key`: a bundle that none of them signed is "
        "refused. Empty, every bundle is accepted.",
        examples=[["nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A="]],
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
        20, ge=1, le=1_000_000, description="Maximum number of requests above the rate in a burst."
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
        description="Maximum number of connections per process. A further connection replaces an "
        "idle one; if none is idle, it gets status 503.",
    )
    max_body: int = Field(
        1_000_000, ge=1000, le=100_000_000, description="Maximum size of a request body, in bytes."
    )
    origins: list[Annotated[str, AfterValidator(_check_cors_origin)]] = Field(
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
        description="Folder for feedback, which `goeswith update` and `goeswith results` read. "
        "Not set: feedback is refused.",
        examples=["feedback"],
    )
    exposures: Literal["none", "sent", "seen"] = Field(
        "none",
        description="Store the response to each request with session_id or user_id in the feedback "
        "folder. sent counts every product of a response as an impression, seen counts the "
        "impressions that the shop sends.",
    )
    experiment: str | None = Field(
        None,
        description="File of an experiment that splits shoppers into variants and a holdout group; "
        "needs `exposures`.",
        examples=["experiment.toml"],
    )
    explore: Literal["none", "epsilon", "thompson", "thompson_types", "linucb"] = Field(
        "none",
        description="Show another product at one rank to a share of the shoppers, and learn from "
        "their clicks which one: epsilon shows the best so far, and any in a tenth of the choices; "
        "thompson draws from the posterior of the click rates, thompson_types from those of "
        "product types; linucb learns for clusters of products. Needs `exposures`.",
        examples=["thompson"],
    )
    explore_share: float = Field(
        0.1, gt=0, le=1, description="Share of the responses in which products are explored."
    )
    explore_rank: int = Field(4, ge=1, le=1000, description="The rank that is explored, from 1.")
    explore_floor: float = Field(
        0.3,
        ge=0,
        le=1,
        description="Minimum score of a candidate, as a share of the score of the product that it "
        "replaces; both are from the same model.",
    )
    feedback_mb: int = Field(
        1000,
        ge=1,
        le=10_000_000,
        description="Maximum size of the feedback folder, in megabytes; further feedback is "
        "refused.",
    )
    log: bool = Field(True, description="Write a line of JSON to stdout for each request.")
    drain: float = Field(
        0.0,
        ge=0,
        le=600,
        description="Seconds between reporting not ready and shutting down, so that load "
        "balancers stop sending requests.",
    )
    shutdown_timeout: float = Field(
        30.0, gt=0, le=3600, description="Seconds for running requests to finish on shutdown."
    )
