"""A `requests` session for Microsoft's endpoints: our TLS context, our sockets, our deadline.

Import it at first use: `requests` takes some 60 ms, which only a sign-in needs to pay.
"""

from __future__ import annotations

import socket
from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING, Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError

from .connecting import connect, resolve
from .deadline import Deadline, TooMuchDataError, remaining

if TYPE_CHECKING:
    import ssl

#: Bytes of one answer's body; a token response has about 8,000, discovery 2,000.
MAX_BODY = 1024 * 1024
#: Seconds for one request where the caller set no deadline.
_REQUEST_SECONDS = 10.0


class ResponseTooLargeError(requests.RequestException):
    """The answer is larger than any that Microsoft gives."""


class EncodedResponseError(requests.RequestException):
    """The answer is compressed or encoded otherwise, although the request asked for it plain."""


def _connected(connection: HTTPConnection) -> socket.socket:
    """Connect as urllib3's ``_new_conn`` does, with its exceptions, under our deadline."""
    host, port = connection._dns_host, connection.port or connection.default_port  # noqa: SLF001 - without IPv6 brackets
    try:
        return connect(resolve(host, port))
    except socket.gaierror as err:
        raise NameResolutionError(host, connection, err) from err
    except TimeoutError as err:
        raise ConnectTimeoutError(connection, f"No connection to {host} in time.") from err
    except OSError as err:
        raise NewConnectionError(connection, f"No connection to {host}: {err}") from err


class _Connection(HTTPConnection):
    """urllib3's connection over a socket of ours."""

    #: A host may debug with ``http.client.HTTPConnection.debuglevel``, which prints every request.
    debuglevel = 0

    def _new_conn(self) -> socket.socket:
        return _connected(self)


class _TlsConnection(HTTPSConnection):
    """urllib3's TLS connection over a socket of ours."""

    debuglevel = 0

    def _new_conn(self) -> socket.socket:
        return _connected(self)


class _Pool(HTTPConnectionPool):
    """A pool of our connections."""

    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    """A pool of our TLS connections."""

    ConnectionCls = _TlsConnection


class _Adapter(HTTPAdapter):
    """An adapter that trusts by one TLS context, whatever a request's `verify` says."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        super().__init__()

    def init_poolmanager(
        self,
        connections: int,
        maxsize: int,
        block: bool = False,  # noqa: FBT001, FBT002 - requests' signature
        **pool: Any,
    ) -> None:
        """Make the pool manager, with our kind of pools."""
        super().init_poolmanager(connections, maxsize, block, ssl_context=self._context, **pool)
        self._use_our_pools(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **pool: Any) -> Any:
        """Make or find the manager for a proxy, with our kind of pools."""
        pool |= {"ssl_context": self._context, "proxy_ssl_context": self._context}
        manager = super().proxy_manager_for(proxy, **pool)
        self._use_our_pools(manager)
        return manager

    @staticmethod
    def _use_our_pools(manager: Any) -> None:
        manager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}

    def build_connection_pool_key_attributes(
        self,
        request: Any,
        verify: Any,  # noqa: ARG002 - requests' signature
        cert: Any = None,  # noqa: ARG002
    ) -> Any:
        """Choose the pool by its address alone, whatever `verify` and `cert` say."""
        place, _ = super().build_connection_pool_key_attributes(request, True, None)  # noqa: FBT003 - requests' signature
        return place, {"ssl_context": self._context, "cert_reqs": "CERT_REQUIRED"}

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Leave the context as it is: requests would add its own bundle of authorities to it."""


class DeadlineSession(requests.Session):
    """Asks under the deadline in force, keeps bodies small, and takes nothing from outside.

    Proxies and authorities in the environment are ignored, ``http://`` addresses refused, and
    redirects not followed: a 307 would take the client secret to any address that it names.
    No cookies are kept: one session serves all accounts of a registration. Bodies are never
    decoded: 264 bytes of nested gzip can unfold to gigabytes.
    """

    def __init__(self, context: ssl.SSLContext, *, proxy: str | None) -> None:
        super().__init__()
        self.trust_env = False
        self.proxies = {"https": proxy} if proxy else {}
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self.adapters.clear()
        self.mount("https://", _Adapter(context))

    def request(self, method: str | bytes, url: str | bytes, **options: Any) -> requests.Response:  # type: ignore[override]
        """Ask as ``requests.Session.request`` does; raise its exceptions only."""
        options["stream"] = True
        options["headers"] = {**(options.get("headers") or {}), "Accept-Encoding": "identity"}
        with Deadline.after(_REQUEST_SECONDS).applied():
            try:
                # The sockets keep to the deadline; this keeps urllib3 from waiting without end.
                options["timeout"] = remaining()
                response = super().request(method, url, **options)
                return self._read(response)
            except TimeoutError as err:
                raise requests.Timeout("The deadline has passed.") from err
            except TooMuchDataError as err:
                raise ResponseTooLargeError(str(err)) from err

    def get_redirect_target(self, resp: requests.Response) -> str | None:  # noqa: ARG002
        """Follow nothing; requests would also read a redirect's body whole, whatever its size."""
        return None

    @staticmethod
    def _read(response: requests.Response) -> requests.Response:
        try:
            response._content = _plain_body(response)  # noqa: SLF001 - as requests itself keeps it
        except BaseException:
            response.close()
            raise
        return response


def _plain_body(response: requests.Response) -> bytes:
    """Return the body of an answer that is not encoded, read in small parts."""
    codings = response.headers.get("Content-Encoding", "").split(",")
    if not {coding.strip().lower() for coding in codings} <= {"", "identity"}:
        raise EncodedResponseError("The answer is encoded.", response=response)
    body = bytearray()
    for part in response.iter_content(16 * 1024):
        body += part
        if len(body) > MAX_BODY:
            raise ResponseTooLargeError("The answer is too large.", response=response)
    return bytes(body)
