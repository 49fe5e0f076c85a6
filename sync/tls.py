"""A `requests` session that trusts one private CA and nothing else."""

from __future__ import annotations

import ssl
from typing import Any

import requests
from requests.adapters import HTTPAdapter

from domain.errors import SyncError


class _Pinned(HTTPAdapter):
    """Speaks TLS with our own context. `requests` would add the public CAs of certifi to it: `cert_verify` must not."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        super().__init__(max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs, ssl_context=self._context)

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:  # noqa: ARG002 (the name is theirs)
        conn.cert_reqs = "CERT_REQUIRED"


class _NoRedirects(requests.Session):
    """An answer is an answer: `requests` would read the whole body of a redirect even when told not to follow it."""

    def get_redirect_target(self, resp: requests.Response) -> None:  # noqa: ARG002 (the name is theirs)
        return None


def session(ca_pem: str) -> requests.Session:
    """HTTPS only, the CA given and no other, no proxies or passwords from the environment.

    Raises SyncError("sync.bad_ca") when `ca_pem` holds no certificate.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_verify_locations(cadata=ca_pem)
    except (ssl.SSLError, ValueError) as fault:
        raise SyncError("sync.bad_ca", "operator") from fault
    pinned = _NoRedirects()
    pinned.trust_env = False
    pinned.mount("https://", _Pinned(context))
    pinned.adapters.pop("http://")
    return pinned
