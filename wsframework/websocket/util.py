"""Making and reading WebSocket URLs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from urllib.parse import quote, urlencode

from wsframework._core.uri import UNIX_HOST, bracket, default_port, parse_uri

__all__ = ["create_url", "parse_url"]


def create_url(
    hostname: str,
    port: int | str | None = None,
    isSecure: bool = False,
    path: str | None = None,
    params: Mapping[str, str | Iterable[str]] | None = None,
) -> str:
    """Make a URL that `parse_url` takes apart again.

    `hostname` is a name or an address, an IPv6 address with or without brackets, and `port` a number, None for the
    default, which is written out; or `hostname` is "unix" and `port` the path of the socket. `path` is what the
    resource is called before percent-encoding, `params` become the query, a list as value repeats the field.
    `TypeError` or `ValueError` for arguments that make no valid URL.
    """
    if not isinstance(hostname, str):
        raise TypeError(f"hostname must be str, not {type(hostname).__name__}")
    if not isinstance(isSecure, bool):
        raise TypeError(f"isSecure must be bool, not {type(isSecure).__name__}")
    resource = quote(path or "/")
    if not resource.startswith("/"):
        resource = "/" + resource
    if params:
        resource += "?" + urlencode(params, doseq=True)
    if hostname.lower() == UNIX_HOST:
        place = _unix_place(port, resource)
    else:
        place = _tcp_place(hostname, port, isSecure) + resource
    url = f"{'wss' if isSecure else 'ws'}://{place}"
    # A slash or a question mark in the host name would make another URL of it.
    if parse_uri(url).resource != resource:
        raise ValueError("invalid hostname")
    return url


def _tcp_place(hostname: str, port: int | str | None, is_secure: bool) -> str:
    if port is None:
        port = default_port(is_secure)
    if not isinstance(port, int) or isinstance(port, bool):
        raise TypeError(f"port must be int, not {type(port).__name__}")
    host = hostname if hostname.startswith("[") else bracket(hostname)
    return f"{host}:{port}"


def _unix_place(port: int | str | None, resource: str) -> str:
    if not isinstance(port, str):
        raise TypeError(f"port must be str, the path of the unix socket, not {type(port).__name__}")
    # The file system's own rule for octets that are not UTF-8.
    if resource == "/" and port.startswith("/"):
        return f"{UNIX_HOST}:{quote(port, errors='surrogateescape')}"
    return f"{UNIX_HOST}:{quote(port, safe='', errors='surrogateescape')}:{resource}"


def parse_url(url: str) -> tuple[bool, str, int | str, str, str, dict[str, list[str]]]:
    """Take a URL apart: (isSecure, host, port, resource, path, params).

    `host` is an IPv6 address without its brackets; for a unix socket it is "unix", and the socket's path stands in
    place of the port. `resource` is path and query as they are sent, `path` is percent-decoded, `params` are the fields
    of the query, each with the list of its values. The forms of unix URLs: `ws://unix:/tmp/socket`, and with a resource
    `ws://unix:%2Ftmp%2Fsocket:/path?query`. `ValueError` says what is wrong with a URL.
    """
    uri = parse_uri(url)
    port = uri.port if uri.unix_path is None else uri.unix_path
    return uri.is_secure, uri.host, port, uri.resource, uri.path, uri.params
