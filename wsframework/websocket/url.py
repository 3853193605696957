"""A factory's URL, taken apart."""

from __future__ import annotations

from typing import Any

from wsframework._core.uri import WebSocketUri, parse_uri

__all__ = ["UrlAttributes"]


class UrlAttributes:
    """For whoever connects or listens by the URL.

    `| Any` spares those who gave a URL with a host and a port, which is nearly everybody, from proving to a type
    checker that they did.
    """

    url: str | None
    _uri: WebSocketUri | None = None

    def _set_url(self, url: str | None) -> None:
        self.url = url
        self._uri = None if url is None else parse_uri(url)

    @property
    def isSecure(self) -> bool:
        """True for a wss URL."""
        return self._uri is not None and self._uri.is_secure

    @property
    def host(self) -> str | Any:
        """The URL's host, None without a URL."""
        return None if self._uri is None else self._uri.host

    @property
    def port(self) -> int | Any:
        """The URL's port (the path of the socket for a unix URL), None without a URL."""
        if self._uri is None:
            return None
        return self._uri.port if self._uri.unix_path is None else self._uri.unix_path

    @property
    def resource(self) -> str:
        """The URL's path and query."""
        return "/" if self._uri is None else self._uri.resource

    @property
    def path(self) -> str:
        """The URL's path, percent-decoded."""
        return "/" if self._uri is None else self._uri.path

    @property
    def params(self) -> dict[str, list[str]]:
        """The parameters in the URL's query."""
        return {} if self._uri is None else self._uri.params
