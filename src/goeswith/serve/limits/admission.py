"""Who may send a request: the checks of its Host, its API key and its rate."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from goeswith.serve.api_keys import key_from_headers
from goeswith.serve.limits.rate_limit import client_key
from goeswith.serve.limits.work_queue import WORK_SECONDS_KEY
from goeswith.serve.problem_details import PUBLIC_PATHS, problem

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import Scope

    from goeswith.serve.api_keys import ApiKeys
    from goeswith.serve.limits.allowed_hosts import AllowedHosts
    from goeswith.serve.limits.rate_limit import RateLimiter

_CLIENT_KEY: Final = "goeswith.client"
"""Key of the ASGI scope with the name of the client in the rate limit."""
_ADMITTED_KEY: Final = "goeswith.admitted"
"""Key of the ASGI scope of a request that was admitted: it takes no second token."""


class Admission:
    """Each check is made where its settings are there; with none, every request is admitted."""

    def __init__(
        self, keys: ApiKeys | None, rates: RateLimiter | None, hosts: AllowedHosts | None
    ) -> None:
        self.keys, self.rates, self.hosts = keys, rates, hosts
        self._checks = bool(keys or rates or hosts)

    def refusal(self, scope: Scope, bundle: str) -> Response | None:
        """What refuses a request; None for one that is admitted, of which `scope` then says so.

        Args:
            scope: of the request; gets the name of its key, as `key`.
            bundle: id of the bundle, for the refusal.
        """
        if not self._checks or _ADMITTED_KEY in scope:
            return None
        refusal = self._check(scope, bundle)
        if refusal is None:
            scope[_ADMITTED_KEY] = True
        return refusal

    def charge(self, scope: Scope) -> None:
        """Take the tokens of the time that a request computed."""
        if self.rates is not None and _CLIENT_KEY in scope:
            self.rates.charge(scope[_CLIENT_KEY], scope.get(WORK_SECONDS_KEY, 0.0))

    def _check(self, scope: Scope, bundle: str) -> Response | None:
        if self.hosts is not None and not self.hosts.allows(scope):
            return problem(
                421,
                "the service does not answer to this Host; add it to serve.hosts if it is yours",
                bundle=bundle,
            )
        path = scope["path"]
        if path == "/" or path.startswith(PUBLIC_PATHS):
            return None
        client_name = ""
        if self.keys is not None:
            name = self.keys.find_name(key_from_headers(scope["headers"]))
            if name is None:
                return problem(
                    401,
                    "send a key: Authorization: Bearer KEY, or X-API-Key: KEY",
                    bundle=bundle,
                    headers={"WWW-Authenticate": "Bearer"},
                )
            scope["key"] = name
            client_name = f"key {name}"
        if self.rates is not None:
            client = scope.get("client")
            client_name = client_name or client_key(client[0] if client else "")
            wait = self.rates.take(client_name)
            scope[_CLIENT_KEY] = client_name
            if wait:
                seconds = max(1, math.ceil(wait))
                return problem(
                    429,
                    f"more than {self.rates.rate:g} requests per second; retry in {seconds} s",
                    bundle=bundle,
                    headers={"Retry-After": str(seconds)},
                )
        return None
