"""A `requests` session that trusts one private CA and nothing else, and that no answer can hold up or fill."""

from __future__ import annotations

import ssl
import time
from dataclasses import dataclass
from typing import Any

import requests
from requests.adapters import HTTPAdapter

from domain.errors import SyncError

WHOLE_S = 120.0
MOST = 5_000_000


@dataclass
class _Allowance:
    """What one answer may cost, its head and its framing too, which `requests` reads without a bound."""

    whole_s: float
    most: int
    until: float = 0.0
    left: int = 0

    def begin(self) -> None:
        self.until, self.left = time.monotonic() + self.whole_s, self.most


def _metered(allowance: _Allowance) -> type[ssl.SSLSocket]:
    """A socket that reads no more than its allowance. Raises TimeoutError, SyncError("sync.answer_too_large")."""

    class Metered(ssl.SSLSocket):
        def recv_into(self, *args: Any, **kwargs: Any) -> int:
            remaining = allowance.until - time.monotonic()
            if remaining <= 0:
                raise TimeoutError
            if self.timeout is None or self.timeout > remaining:
                self.settimeout(remaining)
            got = super().recv_into(*args, **kwargs)
            allowance.left -= got
            if allowance.left < 0:
                raise SyncError("sync.answer_too_large", "later", limit=allowance.most)
            return got

    return Metered


class _Pinned(HTTPAdapter):
    """Speaks TLS with our own context. `requests` would add the public CAs of certifi to it: `cert_verify` must not."""

    def __init__(self, context: ssl.SSLContext, allowance: _Allowance) -> None:
        self._context, self._allowance = context, allowance
        super().__init__(max_retries=0)

    def send(self, *args: Any, **kwargs: Any) -> requests.Response:
        self._allowance.begin()
        return super().send(*args, **kwargs)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs, ssl_context=self._context)

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:  # noqa: ARG002 (the name is theirs)
        conn.cert_reqs = "CERT_REQUIRED"


class _NoRedirects(requests.Session):
    """An answer is an answer: `requests` would read the whole body of a redirect even when told not to follow it."""

    def get_redirect_target(self, resp: requests.Response) -> None:  # noqa: ARG002 (the name is theirs)
        return None


def session(ca_pem: str, *, whole_s: float = WHOLE_S, most: int = MOST) -> requests.Session:
    """HTTPS only, the CA given and no other, no proxies or passwords from the environment. For one thread: each answer
    may take `whole_s` seconds and `most` bytes from its request on.

    Raises SyncError("sync.bad_ca") when `ca_pem` holds no certificate.
    """
    allowance = _Allowance(whole_s, most)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.sslsocket_class = _metered(allowance)
    try:
        context.load_verify_locations(cadata=ca_pem.encode("ascii", "ignore").decode())  # comments may be Chinese
    except (ssl.SSLError, ValueError) as fault:
        raise SyncError("sync.bad_ca", "operator") from fault
    pinned = _NoRedirects()
    pinned.trust_env = False
    pinned.mount("https://", _Pinned(context, allowance))
    pinned.adapters.pop("http://")
    return pinned
