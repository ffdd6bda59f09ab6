"""Addresses of servers: checked before anything is sent, and never shown with their password."""

from __future__ import annotations

from urllib.parse import parse_qs, unquote, urlsplit

from goeswith.core.errors import ConfigError


class ServerAddress:
    """A server's URL. Its text, for people, holds neither user nor password.

    Attributes:
        url: as given.
    """

    def __init__(self, url: str, schemes: tuple[str, ...]) -> None:
        """Check an address.

        Raises:
            ConfigError: it is invalid; the message does not repeat it, since a password that is not
                percent-encoded may be anywhere in it.
        """
        form = f"{schemes[0]}://USER:PASSWORD@HOST:PORT/NAME"
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise ConfigError(
                f"the URL cannot be read: it is written {form}, with any other character of user "
                "and password percent-encoded"
            ) from None
        if parts.scheme not in schemes:
            raise ConfigError(f"the URL is not one of {schemes[0]}: it is written {form}")
        rest = parts.path + parts.query + parts.fragment
        if parts.netloc.count("@") > 1 or "@" in rest or "#" in url:
            raise ConfigError(
                "the URL holds an @ or # that is not percent-encoded (%40, %23); it is written "
                + form
            )
        self.url = url
        secrets = {parts.password or "", unquote(parts.password or "")}
        secrets |= set(parse_qs(parts.query).get("password", []))
        self._secrets = sorted((s for s in secrets if s), key=len, reverse=True)
        host = parts.hostname or "localhost"
        self._display_name = f"{host}:{port}" if port else host

    def __str__(self) -> str:
        return self._display_name

    def __repr__(self) -> str:
        return f"Address({self._display_name!r})"

    def hide(self, text: str) -> str:
        """Text of an error, on one line and without the password."""
        for secret in (self.url, *self._secrets):
            text = text.replace(secret, "***")
        return " ".join(text.split())
