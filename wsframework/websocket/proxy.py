"""What a client is told about the proxy to go through, checked and taken apart before anything is opened."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, Final, TypeAlias
from urllib.parse import unquote

from wsframework._core.headers import HeaderPairs, check_not_given, has_header, header_pairs
from wsframework._core.tunnel import Tunnel
from wsframework._core.uri import bracket, parse_authority, parse_uri
from wsframework.options import ClientOptions
from wsframework.websocket.connecting import Place

__all__ = ["Proxy", "ProxyInput", "checked_proxy", "new_tunnel", "parse_proxy"]

ProxyInput: TypeAlias = str | Mapping[str, Any] | None

_KEYS: Final = ("host", "port", "username", "password", "headers", "scheme", "tls")
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy to connect to; `is_secure` means TLS to the proxy itself, and `tls` is the backend's context for that.

    `headers` go with the request CONNECT and nowhere else; credentials are one of them.
    """

    host: str
    port: int
    is_secure: bool = False
    headers: HeaderPairs = field(default=(), repr=False)
    tls: Any = None

    @property
    def tls_name(self) -> str:
        """The name or address that the proxy's own certificate must show."""
        return self.host.partition("%")[0].removesuffix(".")


def checked_proxy(proxy: ProxyInput, url: str | None) -> Proxy | None:
    """`proxy` as a client that connects to `url` is given it; None for none.

    `TypeError` or `ValueError` as in `parse_proxy`, also where there is no URL that a proxy could be asked for.
    """
    if proxy is None:
        return None
    parsed = parse_proxy(proxy)
    if url is None:
        raise ValueError("proxy: a url must be there, too, which says where to go through the proxy")
    if parse_uri(url).unix_path is not None:
        raise ValueError("proxy: the url names a unix socket, and those are on this machine")
    return parsed


def parse_proxy(proxy: str | Mapping[str, Any]) -> Proxy:
    """Take a proxy apart: `http://[username:password@]host[:port]`, or a mapping with these keys.

    `host` and `port`; `username` and `password` for the authentication of RFC 7617 (Basic); `headers` for the proxy
    alone; `scheme` "https" for TLS to the proxy, with the backend's context as `tls`. `TypeError` or `ValueError`
    names `proxy` and never quotes a value.
    """
    if not isinstance(proxy, str | Mapping):
        raise TypeError(f"proxy must be a URL or a mapping with host and port, not {type(proxy).__name__}")
    try:
        return _from_mapping(_cut_url(proxy) if isinstance(proxy, str) else proxy)
    except TypeError as error:
        raise TypeError(f"proxy: {error}") from error
    except ValueError as error:
        raise ValueError(f"proxy: {error}") from error


def new_tunnel(proxy: Proxy, place: Place, options: ClientOptions) -> Tunnel:
    """What asks `proxy` for the way to `place`."""
    sizes = options.maxHandshakeSize, options.maxHandshakeHeaders
    return Tunnel(place.host, place.port, proxy.headers, *sizes, place.is_secure)


def _cut_url(url: str) -> dict[str, Any]:
    scheme, separator, rest = url.partition("://")
    if not separator:
        raise ValueError("a URL begins with http:// or https://")
    if scheme.lower() not in _DEFAULT_PORTS:
        raise ValueError("the scheme of the URL must be http or https; no other kind of proxy is known here")
    authority, _, path = rest.partition("/")
    if path or "?" in authority or "#" in authority:
        raise ValueError("a URL of a proxy ends with its host and port")
    userinfo, at, address = authority.rpartition("@")
    host, port = parse_authority(address)
    parts: dict[str, Any] = {"scheme": scheme.lower(), "host": host, "port": port or _DEFAULT_PORTS[scheme.lower()]}
    if at:
        username, _, password = userinfo.partition(":")
        parts |= {"username": unquote(username, errors="strict"), "password": unquote(password, errors="strict")}
    return parts


def _from_mapping(parts: Mapping[str, Any]) -> Proxy:
    for name in parts:
        if name not in _KEYS:
            closest = get_close_matches(str(name), _KEYS, n=1)
            raise TypeError(f"unknown key {name}" + "".join(f"; did you mean {match}?" for match in closest))
    scheme = parts.get("scheme") or "http"
    if scheme not in _DEFAULT_PORTS:
        raise ValueError("the scheme must be http or https; no other kind of proxy is known here")
    is_secure = scheme == "https"
    tls = parts.get("tls")
    if tls is not None and not is_secure:
        raise ValueError("tls is for the scheme https only")
    return Proxy(_host(parts.get("host")), _port(parts.get("port")), is_secure, _headers(parts), tls)


def _host(host: object) -> str:
    if not isinstance(host, str):
        raise TypeError(f"host must be a str, not {type(host).__name__}")
    # A colon is only in an IPv6 address, which may come with its brackets or without.
    name, port = parse_authority(host if host.startswith("[") else bracket(host))
    if port is not None:
        raise ValueError("the port has a key of its own")
    return name


def _port(port: object) -> int:
    if not isinstance(port, int) or isinstance(port, bool):
        raise TypeError(f"port must be an int, not {type(port).__name__}")
    if not 1 <= port <= 65535:
        raise ValueError(f"port must be from 1 to 65535, not {port}")
    return port


def _headers(parts: Mapping[str, Any]) -> HeaderPairs:
    given = header_pairs(parts.get("headers"))
    check_not_given(given, {"host"})
    username, password = parts.get("username"), parts.get("password")
    if username is None and password is None:
        return given
    if has_header(given, "proxy-authorization"):
        raise ValueError("both a username and a header Proxy-Authorization are given")
    return (*given, ("Proxy-Authorization", _basic(username, password)))


def _basic(username: object, password: object) -> str:
    """RFC 7617; the encoding is UTF-8, which proxies that know another cannot tell in advance."""
    if not isinstance(username, str):
        raise TypeError(f"username must be a str, not {type(username).__name__}")
    if password is None:
        password = ""
    if not isinstance(password, str):
        raise TypeError(f"password must be a str, not {type(password).__name__}")
    if ":" in username:
        raise ValueError("a username has no colon (RFC 7617 section 2)")
    credentials = f"{username}:{password}"
    if any(character < " " or character == "\x7f" for character in credentials):
        raise ValueError("the username or the password has a control character")
    return "Basic " + b64encode(credentials.encode()).decode()
