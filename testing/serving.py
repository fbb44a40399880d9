"""A host's application on loopback, in threads, as long as the block lasts."""

from __future__ import annotations

import inspect
import socket
import threading
from contextlib import ExitStack, contextmanager
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from ..simulator.serving import HOST, listen

if TYPE_CHECKING:
    from collections.abc import Iterator

_SECONDS = 10.0


def free_port() -> int:
    """Return a port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
    return port


@contextmanager
def served(app: Any, base_url: str) -> Iterator[None]:
    """Serve a WSGI or an ASGI application at `base_url`; None answers there by itself."""
    port = urlsplit(base_url).port
    if app is None:
        yield
        return
    if port is None:
        msg = f"base_url {base_url} names no port: keep the one of the Place, or serve it yourself."
        raise ValueError(msg)
    with _asgi(app, port) if _is_asgi(app) else _wsgi(app, port):
        yield


def _is_asgi(app: Any) -> bool:
    return any(inspect.iscoroutinefunction(part) for part in (app, getattr(app, "__call__", None)))  # noqa: B004 - it is looked at, not asked for


class _Threads(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    """The callback's query holds a code: nothing is logged."""

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - wsgiref's signature
        pass


@contextmanager
def _wsgi(app: Any, port: int) -> Iterator[None]:
    with make_server(HOST, port, app, _Threads, _Quiet) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join(_SECONDS)


@contextmanager
def _asgi(app: Any, port: int) -> Iterator[None]:
    import uvicorn  # noqa: PLC0415 - hosts on WSGI do without

    config = uvicorn.Config(
        app, ws="none", log_config=None, access_log=False, timeout_graceful_shutdown=2
    )
    server = uvicorn.Server(config)
    with ExitStack() as stack:
        listener = listen(port, stack)
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        try:
            while not server.started and thread.is_alive():
                thread.join(0.005)
            yield
        finally:
            server.should_exit = True
            thread.join(_SECONDS)
