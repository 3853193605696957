"""What can be wrong with a server, what that means and what to do about it: one table.

The names of `Code` are stable: programs that read the report in JSON may depend on them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum, unique
from typing import TypeAlias

from wsframework.cli.facts import Facts
from wsframework.cli.findings import Explanation, Level, Section

__all__ = ["Code", "Finding", "Rule", "finding"]


def _problem(section: Section, subject: str, meaning: str, advice: str) -> Explanation:
    return Explanation(section, subject, Level.PROBLEM, meaning, advice)


def _warning(section: Section, subject: str, meaning: str, advice: str) -> Explanation:
    return Explanation(section, subject, Level.WARNING, meaning, advice)


_PROXY = (
    "In nginx: proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; "
    'proxy_set_header Connection "upgrade"; in Apache: ProxyPass with upgrade=websocket.'
)
_REBUILD = "Use a WebSocket library for the answer instead of writing it by hand, or mend what writes it."


@unique
class Code(Enum):
    """One kind of finding; the value explains it."""

    # Address and TCP.

    NAME_NOT_FOUND = _problem(
        Section.ADDRESS,
        "name",
        "The name in the URL does not exist, or has no address, as far as this machine's resolver knows.",
        "Look for a typing error; ask your DNS for the name; a name inside of a company may need its VPN.",
    )
    LOOKUP_FAILED = _problem(
        Section.ADDRESS,
        "name",
        "The resolver gave no answer, which says nothing about the name itself.",
        "Check this machine's network and DNS settings, and try again.",
    )
    CONNECTION_REFUSED = _problem(
        Section.TCP,
        "connect",
        "The machine is there, but nothing listens on this port, or a firewall rejects the connection.",
        "Start the server; compare its port with the URL; a server that listens on 127.0.0.1 (or only inside of a "
        "container) is not reachable from other machines.",
    )
    CONNECT_TIMEOUT = _problem(
        Section.TCP,
        "connect",
        "Nobody answered at this address: usually a firewall that drops packets, or a machine that is off.",
        "Open the port in the firewall or security group, and check that the address is the right one.",
    )
    UNREACHABLE = _problem(
        Section.TCP,
        "connect",
        "There is no route from this machine to that address.",
        "Check the network and the VPN; for an IPv6 address, whether this network has IPv6 at all.",
    )
    SOCKET_NOT_FOUND = _problem(
        Section.TCP,
        "connect",
        "There is no unix socket of this path, or this user may not use it.",
        "Start the server, compare the paths, and look at the owner and mode of the socket and of its folder.",
    )
    ADDRESS_FAILED = _warning(
        Section.TCP,
        "connect",
        "The name has several addresses and not all of them work. Clients that try one after the other lose time, and "
        "some do not try a second one.",
        "Take the address out of the DNS, or let the server listen on it (often it is the IPv6 one).",
    )

    # TLS.

    CERTIFICATE_EXPIRED = _problem(
        Section.TLS,
        "certificate",
        "The certificate was valid once. Every client that verifies certificates refuses it.",
        "Renew it, and let the server load the new one (many only do at a reload). If it looks valid, check the clock "
        "of this machine.",
    )
    CERTIFICATE_NOT_YET_VALID = _problem(
        Section.TLS,
        "certificate",
        "The time from which the certificate is valid has not come.",
        "Check the clock of this machine and of the one that issued the certificate.",
    )
    CERTIFICATE_SELF_SIGNED = _problem(
        Section.TLS,
        "certificate",
        "The server vouches for itself with a self-signed certificate; anybody could do that.",
        "Get a certificate from an authority, or give clients this one as their authority: here with --ca FILE. "
        "--insecure goes on without verification, for tests.",
    )
    CERTIFICATE_UNKNOWN_AUTHORITY = _problem(
        Section.TLS,
        "certificate",
        "The chain from the certificate does not end at an authority that this machine trusts: the authority is a "
        "private one, or the server does not send the intermediate certificate.",
        "Configure the server with the full chain (fullchain.pem, not cert.pem). For a private authority give it to "
        "clients: here with --ca FILE.",
    )
    CERTIFICATE_WRONG_NAME = _problem(
        Section.TLS,
        "certificate",
        "The certificate is for other names than the one in the URL.",
        "Use one of its names in the URL, or get a certificate that has this name too. A server with many sites may "
        "show its default certificate because it does not know this name (SNI).",
    )
    CERTIFICATE_INVALID = _problem(
        Section.TLS,
        "certificate",
        "The certificate did not stand the verification.",
        "The words of the TLS library say which rule it broke; have it issued again.",
    )
    CERTIFICATE_EXPIRES_SOON = _warning(
        Section.TLS,
        "certificate",
        "It is still valid, but not for long.",
        "Renew it, and see why that did not happen by itself.",
    )
    PLAIN_EXPECTED = _problem(
        Section.TLS,
        "version",
        "The port does not speak TLS: it answers plain HTTP.",
        "Use ws:// for this port, or the port on which TLS is. If TLS ends at a proxy, ask the proxy's port.",
    )
    TLS_REFUSED = _problem(
        Section.TLS,
        "version",
        "Server and client have no TLS version or cipher in common: the server's are too old, or it only allows some. "
        "A server that wants a certificate from its clients says no more than this either, up to TLS 1.2.",
        "Allow TLS 1.2 and 1.3 with their usual ciphers on the server, and clients without a certificate.",
    )
    ALPN_REFUSED = _problem(
        Section.TLS,
        "version",
        "Server and client have no application protocol in common (ALPN). A WebSocket is opened over HTTP/1.1, which "
        "was offered; the port takes something else only, mostly HTTP/2.",
        "Allow HTTP/1.1 on this port as well: in the list of ALPN protocols of the server, or of the proxy in front.",
    )
    CLIENT_CERTIFICATE = _problem(
        Section.TLS,
        "version",
        "The server wants a certificate from its clients (mutual TLS), and this check has none.",
        "Use a client with a certificate that the server knows, or do not require one on this path.",
    )
    TLS_TIMEOUT = _problem(
        Section.TLS,
        "version",
        "The port accepts connections and says nothing to a TLS handshake: it may not speak TLS, or hangs.",
        "Try ws:// with this port, and look whether the server still works.",
    )
    TLS_FAILED = _problem(
        Section.TLS,
        "version",
        "The TLS handshake broke off before a certificate was shown.",
        "Check that the port speaks TLS, and that the server has a certificate for this name; its log says more.",
    )

    # No answer, or none in HTTP.

    TLS_EXPECTED = _problem(
        Section.HANDSHAKE,
        "status",
        "The port speaks TLS, and was asked in plain text.",
        "Use wss:// instead of ws:// in the URL.",
    )
    NO_ANSWER = _problem(
        Section.HANDSHAKE,
        "status",
        "The connection was accepted, often by the operating system alone, and the request was never answered.",
        "The server hangs, has no free worker, or waits for something else than HTTP. Look at its load and its log; "
        "a larger --timeout tells a slow server from a dead one.",
    )
    CLOSED_WITHOUT_ANSWER = _problem(
        Section.HANDSHAKE,
        "status",
        "The server took the connection and closed it without a word: it crashed, does not speak HTTP here, or a "
        "proxy or firewall does not let this client through.",
        "Look into the log of the server for this moment; check lists of allowed addresses, and the port.",
    )
    INCOMPLETE_ANSWER = _problem(
        Section.HANDSHAKE,
        "status",
        "The head of the answer has no end: the blank line after the headers is missing.",
        "Let the server write the whole head, with an empty line behind it, before it waits or closes.",
    )
    NOT_HTTP = _problem(
        Section.HANDSHAKE,
        "status",
        "Another protocol is spoken on this port; WebSocket begins with HTTP.",
        "Check the port in the URL.",
    )
    HTTP2_ONLY = _problem(
        Section.HANDSHAKE,
        "status",
        "The port only speaks HTTP/2. A WebSocket is opened over HTTP/1.1.",
        "Allow HTTP/1.1 on this port as well.",
    )
    HTTP_1_0 = _problem(
        Section.HANDSHAKE,
        "status",
        "The answer is in HTTP/1.0, which has no Upgrade. Usually a proxy in front speaks HTTP/1.0 to the server.",
        f"Let the proxy use HTTP/1.1. {_PROXY}",
    )
    HEAD_TOO_LARGE = _problem(
        Section.HANDSHAKE,
        "headers",
        "The head of the answer is larger than clients accept, which is a protection against servers that never end.",
        "Send fewer and shorter headers, mostly cookies; the options maxHandshakeSize and maxHandshakeHeaders of a "
        "client raise its limits.",
    )
    HEAD_MALFORMED = _problem(
        Section.HANDSHAKE,
        "headers",
        "The head of the answer breaks the grammar of HTTP. Clients that are strict, as they should be, refuse it.",
        _REBUILD,
    )

    # Another status than 101.

    PLAIN_PAGE = _problem(
        Section.HANDSHAKE,
        "status",
        "Nothing at this path speaks WebSocket: the request was answered like that of a browser for a page. Either the "
        "path is wrong, or a reverse proxy in front does not pass the Upgrade header.",
        f"Check the path. {_PROXY}",
    )
    REDIRECT = _problem(
        Section.HANDSHAKE,
        "status",
        "The server sends clients elsewhere. Browsers and most WebSocket clients do not follow.",
        "Use the place it names in the URL, mind a slash at the end, and wss:// where it names https://; or do not "
        "redirect this path.",
    )
    UNAUTHORIZED = _problem(
        Section.HANDSHAKE,
        "status",
        "The server wants to know who asks.",
        'Give credentials, for example --header "Authorization: Bearer ..." or --header "Cookie: ...". Browsers cannot '
        "set such a header for a WebSocket, only cookies.",
    )
    FORBIDDEN = _problem(
        Section.HANDSHAKE,
        "status",
        "The server understood and says no. Many servers do when the Origin header is missing or not on their list; "
        "others for the address, or the credentials.",
        "Try --origin with the address of the page that uses the WebSocket, and put that on the server's list of "
        "allowed origins.",
    )
    NOT_FOUND = _problem(
        Section.HANDSHAKE,
        "status",
        "There is nothing at this path, or nothing for WebSocket.",
        "Check the path and the Host that the server expects; Socket.IO, SignalR and others have paths of their own.",
    )
    VERSION_REFUSED = _problem(
        Section.HANDSHAKE,
        "Sec-WebSocket-Version",
        "The server refuses the version of the protocol, 13, though that is what all clients speak.",
        "A proxy may change or drop Sec-WebSocket-Version on the way; ask the server directly to find out.",
    )
    OLD_DRAFT = _problem(
        Section.HANDSHAKE,
        "Sec-WebSocket-Version",
        "The server only speaks drafts from before the standard (RFC 6455 of 2011), which no client does any more.",
        "Update the server, or the library that it uses.",
    )
    UPGRADE_LOST = _problem(
        Section.HANDSHAKE,
        "status",
        "The server asks for an upgrade, although this was one: on the way to it the Upgrade or Connection header "
        "got lost, as it does in a proxy that is not told to pass it.",
        _PROXY,
    )
    BAD_REQUEST = _problem(
        Section.HANDSHAKE,
        "status",
        "The server could not make sense of the request, which was a correct one: something on the way changed it, or "
        "the server wants something more in it (a token, a subprotocol).",
        f"The body of the answer often says what. {_PROXY}",
    )
    PROXY_AUTHENTICATION = _problem(
        Section.HANDSHAKE,
        "status",
        "A proxy on the way wants to know who asks, before it lets anything through.",
        "Sign in there, or go around it.",
    )
    TOO_MANY_REQUESTS = _problem(
        Section.HANDSHAKE,
        "status",
        "The server limits how often one may ask, and this was too often.",
        "Wait, as long as Retry-After says if it is there; let clients reconnect with growing pauses.",
    )
    SERVER_ERROR = _problem(
        Section.HANDSHAKE,
        "status",
        "The server failed while it answered: an error in its program.",
        "Its log has the error.",
    )
    BAD_GATEWAY = _problem(
        Section.HANDSHAKE,
        "status",
        "A proxy answered; the server behind it does not run, refuses connections, or answered nonsense.",
        "Start the server behind the proxy, and compare its address, port and scheme with what the proxy has.",
    )
    UNAVAILABLE = _problem(
        Section.HANDSHAKE,
        "status",
        "The server is there and does not take clients now: overload, maintenance, a limit of connections, or a proxy "
        "that knows no working server behind it.",
        "Try again later (Retry-After says when, if it is there); look at the limits of connections and at the health "
        "checks of the proxy.",
    )
    GATEWAY_TIMEOUT = _problem(
        Section.HANDSHAKE,
        "status",
        "A proxy answered; the server behind it took the request and did not answer in time.",
        "The server behind the proxy hangs or is unreachable from it: a firewall between the two, or an event loop "
        "that something blocks.",
    )
    OTHER_STATUS = _problem(
        Section.HANDSHAKE,
        "status",
        "A WebSocket is opened with the status 101, and this was another one.",
        "The status and the body of the answer say what the server wants.",
    )

    # A status of 101 that is none.

    UPGRADE_HEADER = _problem(
        Section.HANDSHAKE,
        "Upgrade",
        "The answer says 101, but its header Upgrade: websocket is missing or says something else.",
        f"If a proxy is in front, it may have taken the header away. {_PROXY} Else: {_REBUILD}",
    )
    CONNECTION_HEADER = _problem(
        Section.HANDSHAKE,
        "Connection",
        "The answer says 101, but its header Connection: Upgrade is missing or says something else.",
        f"If a proxy is in front, it may have taken the header away. {_PROXY} Else: {_REBUILD}",
    )
    ACCEPT_MISSING = _problem(
        Section.HANDSHAKE,
        "Sec-WebSocket-Accept",
        "The answer says 101 without proof that the server has understood WebSocket: anything that repeats headers "
        "could say so.",
        _REBUILD,
    )
    ACCEPT_WRONG = _problem(
        Section.HANDSHAKE,
        "Sec-WebSocket-Accept",
        "The value does not answer the key of this request: it comes from a cache, is made up, or computed wrongly.",
        "It is base64(SHA-1(key + 258EAFA5-E914-47DA-95CA-C5AB0DC85B11)) of the digest's octets, with the key of this "
        "request as it stands there. Do not let a cache answer this path.",
    )
    SUBPROTOCOL_UNASKED = _problem(
        Section.HANDSHAKE,
        "subprotocol",
        "The server chose a subprotocol that the client did not ask for; clients must fail the connection then.",
        "Ask for it with --subprotocol (in a browser: the second argument of WebSocket), or let the server answer "
        "without Sec-WebSocket-Protocol when nothing fits.",
    )
    SUBPROTOCOL_NONE = _warning(
        Section.HANDSHAKE,
        "subprotocol",
        "The server took none of the subprotocols. Some clients then close, others go on without.",
        "Compare the names with the server's list; case matters. A proxy may drop Sec-WebSocket-Protocol.",
    )
    EXTENSION_UNOFFERED = _problem(
        Section.EXTENSIONS,
        "agreed",
        "The server uses an extension that the client did not offer; clients must fail the connection then.",
        "Let the server only choose from what the request offers in Sec-WebSocket-Extensions.",
    )
    EXTENSION_MALFORMED = _problem(
        Section.EXTENSIONS,
        "agreed",
        "What the server says of extensions cannot be understood, or does not fit what was offered.",
        "Mend the server's negotiation (RFC 7692 section 7 for permessage-deflate), or switch compression off there.",
    )

    # An open connection.

    UNSTABLE = _problem(
        Section.CONVERSATION,
        "open",
        "The first connection was opened, and the second one, a moment later, was not.",
        "The server limits the connections of a client, or one of several servers behind a balancer is broken.",
    )
    DROPPED = _problem(
        Section.CONVERSATION,
        "open",
        "The connection was opened, and then TCP ended without a Close frame: the server's program crashed, or "
        "a proxy in front does not keep upgraded connections.",
        f"Look into the server's log for this moment. {_PROXY}",
    )
    CLOSED_BY_SERVER = _problem(
        Section.CONVERSATION,
        "open",
        "The server opened the connection and closed it at once, in order. The code says why: 1008 and those from 4000 "
        "are decisions of its program, often about missing credentials; 1011 is an error in it.",
        "Give what the program wants (--header, --subprotocol, --origin, a token in the URL), and look into its log.",
    )
    MASKED_FRAMES = _problem(
        Section.CONVERSATION,
        "frames",
        "The server masks its frames. Only clients may; a client must fail the connection then.",
        "Switch masking off for what the server sends.",
    )
    RESERVED_BITS = _problem(
        Section.CONVERSATION,
        "frames",
        "A frame begins with bits that only an extension may set, and the handshake agreed to none: the server "
        "compresses though its answer did not say so, or what came is no frame but the text of a proxy.",
        "Compress only where the answer has Sec-WebSocket-Extensions: permessage-deflate; look for a proxy that takes "
        "that header away, or that puts its own text into the stream.",
    )
    PROTOCOL_BROKEN = _problem(
        Section.CONVERSATION,
        "frames",
        "What the server sent on the open connection breaks RFC 6455.",
        "Use a WebSocket library for the frames, or mend what writes them. A proxy that puts its own text into the "
        "stream may look like this, too.",
    )
    PING_UNANSWERED = _problem(
        Section.CONVERSATION,
        "ping",
        "The server does not answer a Ping, as it must (RFC 6455 section 5.5.2). Clients that look after their "
        "connection take it for dead and drop it.",
        "Use a library that answers by itself, and do not block its event loop.",
    )
    CLOSE_UNANSWERED = _warning(
        Section.CONVERSATION,
        "close",
        "The server does not answer a Close frame, as it must (RFC 6455 section 5.5.1). Every client waits for it in "
        "vain until its own time is up.",
        "Use a library that answers by itself; in a program of your own, look for the opcode 8.",
    )
    CLOSE_DROPPED = _warning(
        Section.CONVERSATION,
        "close",
        "The server answers a Close frame by ending TCP, without a Close frame of its own: clients report 1006, an "
        "abnormal closure.",
        "Send the Close frame back before the end of TCP.",
    )
    TCP_NOT_ENDED = _warning(
        Section.CONVERSATION,
        "TCP end",
        "After the closing handshake the server ought to end TCP first (RFC 6455 section 7.1.1), and did not.",
        "Close the socket once both Close frames are exchanged; otherwise connections pile up.",
    )

    # Limits.

    MESSAGES_REFUSED = _warning(
        Section.LIMITS,
        "large message",
        "The server's application does not take plain text, so its limits cannot be found out by sending it.",
        "That is in order if clients send something else. What was tried after that may have met the application's no "
        "as well.",
    )
    SMALL_LIMIT = _warning(
        Section.LIMITS,
        "large message",
        "The server refuses messages that other servers take. That may be on purpose.",
        "Raise its limit if clients send more, or split what they send.",
    )
    LIMIT_WITHOUT_CODE = _warning(
        Section.LIMITS,
        "large message",
        "At a message that is too large for it, the server does not close with 1009, so clients cannot tell this "
        "from any other failure.",
        "Let it send Close with 1009 before it ends the connection.",
    )
    FRAGMENTS_REFUSED = _warning(
        Section.LIMITS,
        "fragments",
        "The server does not take a message in fragments with a Ping between them, which every client may send (RFC "
        "6455 section 5.4).",
        "Use a library that puts fragments together.",
    )
    VIOLATION_TOLERATED = _warning(
        Section.LIMITS,
        "violation",
        "The server goes on after something that breaks the protocol, where it must fail the connection. That hides "
        "errors in clients, and proxies that disagree can be attacked through it.",
        "Use a library that checks what it receives, or switch its checks on.",
    )
    WRONG_CLOSE_CODE = _warning(
        Section.LIMITS,
        "violation",
        "The server fails the connection as it must, but with a code that says something else.",
        "Send 1002 for a protocol error, and 1007 for text that is not UTF-8 (RFC 6455 section 7.4.1).",
    )
    NO_REACTION = _warning(
        Section.LIMITS,
        "violation",
        "The server neither goes on nor closes: the connection hangs, and holds memory on both ends.",
        "Close on errors, and give every wait of the server a limit.",
    )
    NOT_TRIED = _warning(
        Section.LIMITS,
        "tries",
        "Some of the connections for the limits could not be opened, so something remains unknown.",
        "The server may limit the connections of a client; try again later.",
    )


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong: `seen` tells in sentences what there was at this server, the code explains it.

    `level` is the code's own, except where the case decides.
    """

    code: Code
    seen: str
    level: Level


Rule: TypeAlias = Callable[[Facts], Iterator[Finding]]


def finding(code: Code, seen: str, level: Level | None = None) -> Finding:
    """A finding of the code's own level, or of `level`."""
    return Finding(code, seen, level or code.value.level)
