"""A TCP proxy that hands answers on in pieces of a few bytes, so that they are cut at every place there is."""

import socket
import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle
from urllib.parse import urlsplit

_SIZES = (1, 2, 3, 5, 31, 7, 4, 53, 1, 6, 17)
_PAUSE_S = 0.0001  # the reader's turn: what is sent without it arrives glued together
_BLOCK = 64 << 10


class _Relay(socketserver.BaseRequestHandler):
    """One connection, both ways."""

    server: "_Proxy"

    def handle(self) -> None:
        with socket.create_connection(self.server.upstream) as upstream:
            self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            asking = threading.Thread(target=_pass_on, args=(self.request, upstream), daemon=True)
            asking.start()
            try:
                self._answer(upstream)
            except OSError:
                pass  # the one who asked has left
            _end(upstream)
            _end(self.request)
            asking.join()

    def _answer(self, upstream: socket.socket) -> None:
        sizes = cycle(_SIZES)
        while data := upstream.recv(_BLOCK):
            at = 0
            while at < len(data):
                size = next(sizes)
                self.request.sendall(data[at : at + size])
                at += size
                time.sleep(_PAUSE_S)


class _Proxy(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, upstream: tuple[str, int]) -> None:
        super().__init__(("127.0.0.1", 0), _Relay)
        self.upstream = upstream


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(_BLOCK):
            target.sendall(data)
    except OSError:
        pass
    _end(target)


def _end(side: socket.socket) -> None:
    try:
        side.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass  # ended already


@contextmanager
def splitting(upstream: str) -> Iterator[str]:
    """The proxy's address; `upstream` is an origin."""
    place = urlsplit(upstream)
    assert place.hostname is not None
    assert place.port is not None
    with _Proxy((place.hostname, place.port)) as proxy:
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{proxy.server_address[1]}"
        proxy.shutdown()
