"""Clips from the web, for servers whose owner allowed some hosts; never from a private address.

A name is resolved once, all its addresses are checked, and the connection goes to the very address
that was checked, so that a name cannot turn into another address in between.
"""

import http.client
import ipaddress
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import SplitResult, quote, urljoin, urlsplit

from qwen_audio.serving.errors import ApiError

MAX_REDIRECTS = 3
TIMEOUT_S = 10.0
_BLOCK = 1 << 16
_REDIRECTS = (301, 302, 303, 307, 308)
_URL_MARKS = "!$%&'()*+,/:;=?@~-._"  # what stays as it is in a path or a query
_PORTS = {"http": 80, "https": 443}


def resolve(host: str, port: int) -> list[str]:
    """Return the addresses of a host."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


@dataclass(frozen=True, kw_only=True)
class Fetcher:
    """Downloads from allowed hosts.

    Attributes:
        hosts: names such as "example.org", or "*.example.org" for all below it.
        max_bytes: largest download.
        resolve: from a host and port to its addresses.
        connect: from an (address, port) pair and a time-out to a socket.
    """

    hosts: tuple[str, ...]
    max_bytes: int
    resolve: Callable[[str, int], list[str]] = resolve
    connect: Callable[..., socket.socket] = socket.create_connection

    def fetch(self, url: str) -> bytes:
        """Return what a URL holds.

        Raises:
            ApiError: a host that is not allowed, a private address, too much, or no answer.
        """
        until = time.monotonic() + TIMEOUT_S
        for _ in range(MAX_REDIRECTS + 1):
            parts = self._check(url)
            try:
                found = self._get(parts, until)
            except (OSError, http.client.HTTPException) as error:
                raise _refuse(f"{parts.hostname} did not answer; is the URL right?") from error
            if isinstance(found, bytes):
                return found
            url = urljoin(url, found)
        raise _refuse(f"the URL redirects more than {MAX_REDIRECTS} times; give the last one")

    def _check(self, url: str) -> SplitResult:
        if not self.hosts:
            raise _refuse("audio_url is turned off on this server; send the clip as input_audio")
        try:
            parts = urlsplit(url)
            host, port = (parts.hostname or "").lower(), parts.port
        except ValueError as error:
            raise _refuse("the audio_url is not a URL; send https://…") from error
        if parts.scheme not in _PORTS or not host or parts.username is not None:
            raise _refuse("an audio_url begins with https:// or http:// and names only a host")
        if port not in (None, _PORTS[parts.scheme]):
            raise _refuse("an audio_url names no port; put the file on the usual one")
        if not any(_fits(host, allowed.lower()) for allowed in self.hosts):
            raise _refuse(f"the host {host[:100]!r} is not allowed on this server")
        return parts

    def _get(self, parts: SplitResult, until: float) -> bytes | str:
        """Return the content, or where a redirect leads."""
        connection = http.client.HTTPConnection(parts.hostname or "", timeout=TIMEOUT_S)
        connection.sock = self._open(parts)
        target = quote(parts.path or "/", safe=_URL_MARKS)
        if parts.query:
            target += "?" + quote(parts.query, safe=_URL_MARKS)
        try:
            connection.request("GET", target, headers={"Accept": "audio/*,*/*;q=0.5"})
            answer = connection.getresponse()
            if answer.status in _REDIRECTS:
                return answer.headers.get("Location", "")
            if answer.status != 200:
                raise _refuse(f"the audio_url answered with status {answer.status}")
            return self._read(answer, until)
        finally:
            connection.close()

    def _open(self, parts: SplitResult) -> socket.socket:
        """Return a connection to a checked address."""
        host, port = parts.hostname or "", _PORTS[parts.scheme]
        addresses = self.resolve(host, port)
        if not addresses or not all(map(is_public, addresses)):
            raise _refuse(f"the host {host[:100]!r} has no public address")
        plain = self.connect((addresses[0], port), TIMEOUT_S)
        if parts.scheme == "http":
            return plain
        try:
            return ssl.create_default_context().wrap_socket(plain, server_hostname=host)
        except OSError:
            plain.close()
            raise

    def _read(self, answer: http.client.HTTPResponse, until: float) -> bytes:
        content = bytearray()
        while block := answer.read1(_BLOCK):
            content += block
            if len(content) > self.max_bytes:
                limit = self.max_bytes >> 20
                raise _refuse(f"the audio_url holds more than {limit} MB", status=413)
            if time.monotonic() > until:
                raise _refuse(f"the audio_url took longer than {TIMEOUT_S:.0f} s", status=422)
        return bytes(content)


def is_public(address: str) -> bool:
    """Return whether an address belongs to the open internet.

    >>> is_public("93.184.216.34"), is_public("10.0.0.1"), is_public("::ffff:127.0.0.1")
    (True, False, False)
    """
    try:
        parsed = ipaddress.ip_address(address.split("%")[0])
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv6Address):
        # An IPv4 address hides in these forms, and counts as itself.
        inner = parsed.ipv4_mapped or parsed.sixtofour or (parsed.teredo or (None, None))[1]
        if inner is not None:
            return is_public(str(inner))
        if parsed in ipaddress.ip_network("64:ff9b::/96"):  # the same, through NAT64
            return is_public(str(ipaddress.IPv4Address(int(parsed) & 0xFFFFFFFF)))
    return parsed.is_global and not parsed.is_multicast


def _fits(host: str, allowed: str) -> bool:
    if allowed.startswith("*."):
        return host.endswith(allowed[1:])
    return host == allowed


def _refuse(message: str, *, status: int = 422) -> ApiError:
    return ApiError(message, status=status, param="audio_url", code="audio_url_refused")
