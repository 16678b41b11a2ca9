"""Clips from the web: allowed hosts only, public addresses only, whatever a redirect says."""

import http.server
import socket
import threading

import pytest

from qwen_audio.serving.errors import ApiError
from qwen_audio.serving.fetching import Fetcher, is_public

PUBLIC = "93.184.216.34"
REDIRECTS = {
    "/inside": "http://127.0.0.1/secret",
    "/elsewhere": "http://other.org/a.wav",
    "/file": "file:///etc/passwd",
    "/further": "/a.wav",
    "/forever": "/forever",
}


class Web(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path in REDIRECTS:
            self.send_response(302)
            self.send_header("Location", REDIRECTS[self.path])
            self.end_headers()
            return
        content = b"x" * (5000 if self.path == "/large" else 10)
        self.send_response(404 if self.path == "/missing" else 200)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


@pytest.fixture
def web():
    """Give a fetcher for which every public address leads to a server of this test."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Web)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    asked = []

    def connect(address, timeout):
        asked.append(address)
        return socket.create_connection(server.server_address, timeout)

    def make(addresses=(PUBLIC,), hosts=("example.org", "*.sounds.net")):
        fetcher = Fetcher(
            hosts=hosts, max_bytes=1000, resolve=lambda *_: list(addresses), connect=connect
        )
        return fetcher, asked

    yield make
    server.shutdown()
    thread.join()
    server.server_close()


def test_an_allowed_host_is_read_at_the_address_that_was_checked(web):
    fetcher, asked = web()

    assert fetcher.fetch("http://example.org/a.wav") == b"x" * 10
    assert fetcher.fetch("http://a.sounds.net/ä b.wav?q=ö") == b"x" * 10
    assert fetcher.fetch("http://example.org/further") == b"x" * 10
    assert set(asked) == {(PUBLIC, 80)}


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://other.org/a.wav", "'other.org' is not allowed"),
        ("http://sounds.net/a.wav", "'sounds.net' is not allowed"),
        ("http://example.org.evil.net/", "is not allowed"),
        ("http://example.org@evil.net/", "names only a host"),
        ("http://example.org:8080/", "names no port"),
        ("file:///etc/passwd", "begins with https"),
        ("ftp://example.org/a", "begins with https"),
        ("/etc/passwd", "begins with https"),
        ("http://[::1", "not a URL"),
        ("http://example.org/missing", "status 404"),
        ("http://example.org/large", "more than 0 MB"),
        ("http://example.org/inside", "'127.0.0.1' is not allowed"),
        ("http://example.org/elsewhere", "'other.org' is not allowed"),
        ("http://example.org/file", "begins with https"),
        ("http://example.org/forever", "redirects more than 3 times"),
    ],
)
def test_everything_else_is_refused(web, url, message):
    fetcher, _ = web()

    with pytest.raises(ApiError, match=message):
        fetcher.fetch(url)


@pytest.mark.parametrize("inside", ["127.0.0.1", "10.1.2.3", "169.254.169.254", "::1"])
def test_a_name_with_a_private_address_is_never_connected(web, inside):
    fetcher, asked = web(addresses=(PUBLIC, inside))

    with pytest.raises(ApiError, match="no public address"):
        fetcher.fetch("http://example.org/a.wav")
    assert not asked


@pytest.mark.parametrize(
    "address",
    [
        *("0.0.0.0", "192.168.1.1", "172.16.0.1", "100.64.0.1", "224.0.0.1", "255.255.255.255"),
        *("fe80::1", "fc00::1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "ff02::1"),
        *("", "localhost", "fe80::1%eth0"),
    ],
)
def test_addresses_that_are_not_the_open_internet(address):
    assert not is_public(address)


def test_without_hosts_nothing_is_fetched(web):
    fetcher, asked = web(hosts=())

    with pytest.raises(ApiError, match="turned off"):
        fetcher.fetch("http://example.org/a.wav")
    assert not asked
