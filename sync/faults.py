"""The one place that turns what `requests`, TLS and the region's refusals say into SyncError."""

from __future__ import annotations

import errno
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import requests
from urllib3.exceptions import HTTPError, IncompleteRead, NameResolutionError, ProtocolError

from domain.errors import Retry, SyncError
from domain.wire import UNREADABLE

# X509_V_ERR_* of OpenSSL's x509_vfy.h; whatever else is wrong, it is not our region's certificate.
_CERTIFICATE = {
    2: "sync.cert_chain",  # an issuer is not among what was sent, nor in our CA file
    9: "sync.cert_not_yet",
    10: "sync.cert_expired",
    18: "sync.cert_self_signed",
    20: "sync.cert_chain",
    21: "sync.cert_chain",
    62: "sync.cert_name",
    64: "sync.cert_name",
}
# SSL_R_* of OpenSSL's sslerr.h: why there was no handshake.
_HANDSHAKE = {
    "WRONG_VERSION_NUMBER": "sync.no_tls",
    "UNSUPPORTED_PROTOCOL": "sync.tls_old",
    "TLSV1_ALERT_PROTOCOL_VERSION": "sync.tls_old",
    "UNEXPECTED_EOF_WHILE_READING": "sync.tls_cut",
}
# Codes of what never came to the region, or not back from it.
_NOT_REACHED = {
    *("sync.no_network", "sync.refused", "sync.timeout", "sync.cut_short", "sync.tls", "sync.garbage", "sync.bad_url"),
    *_CERTIFICATE.values(),
    *_HANDSHAKE.values(),
    "sync.cert_unknown",
}
_UNREACHABLE = {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EHOSTDOWN}

# The region's word -> our text and who should try again.
_REFUSALS: dict[str, tuple[str, Retry]] = {
    "CLOCK": ("sync.clock", "later"),
    "UNKNOWN_TERMINAL": ("sync.unknown_terminal", "operator"),
    "BAD_REQUEST": ("sync.bad_request", "operator"),
    "REPLAYED": ("sync.replayed", "later"),
    "REVOKED": ("sync.revoked", "operator"),
    "CLONED": ("sync.cloned", "operator"),
    "EXPIRED": ("sync.expired", "later"),
    "FOREIGN": ("sync.foreign", "operator"),
    "UPGRADE": ("sync.upgrade", "operator"),
    "TOO_LARGE": ("sync.too_large", "operator"),
    "BUSY": ("sync.busy", "later"),
    "BAD_SIGNATURE": ("sync.bad_signature", "operator"),
    "BAD_CHAIN": ("sync.bad_chain", "operator"),
    "UNREADABLE": ("sync.unreadable", "operator"),
    "UNKNOWN_SUITE": ("sync.unknown_suite", "operator"),
    "OLD_KEY": ("sync.old_key", "later"),
    "GAP": ("sync.gap", "later"),
    "FORK": ("sync.fork", "operator"),
    "STALE_EPOCH": ("sync.stale_epoch", "operator"),
    "START_OVER": ("sync.start_over", "operator"),
    "CODE_WRONG": ("sync.code_wrong", "operator"),
    "CODE_USED": ("sync.code_used", "operator"),
    "CODE_EXPIRED": ("sync.code_expired", "operator"),
    "CODE_KIND": ("sync.code_kind", "operator"),
    "TOO_MANY_TRIES": ("sync.too_many_tries", "later"),
    "BEHIND": ("sync.behind", "later"),
    "NOT_FOUND": ("sync.lookup_not_found", "never"),
    "AMBIGUOUS": ("sync.lookup_ambiguous", "never"),
    "REGIONS_ALONE": ("sync.regions_alone", "never"),
    "NO_REFERENCE": ("sync.no_reference", "later"),
    "EXHAUSTED": ("sync.exhausted", "later"),  # facts go up all the same: no hold
    "TOO_MANY_NUMBERS": ("sync.too_many_numbers", "later"),
}
_BY_STATUS = {410: "START_OVER", 413: "TOO_LARGE", 426: "UPGRADE", 429: "BUSY", 503: "BUSY"}
_LONGEST_WAIT_S = 24 * 3600
# What we take from a refusal beside its code, and what stands there when it is missing or of another type.
_PARAMS: dict[str, dict[str, Any]] = {
    "sync.busy": {"retry_after_s": 60},
    "sync.too_many_tries": {"retry_after_s": 60},
    "sync.upgrade": {"oldest": "?"},
    "sync.clock": {"server_time": "?"},
    "sync.gap": {"have": 0},
    "sync.fork": {"have": 0, "hash": ""},
    "sync.exhausted": {"kind": "?"},
    "sync.too_many_numbers": {"kind": "?", "retry_after_s": 3600},
    "sync.unknown_suite": {"suite": "?"},
}


CODES: dict[str, Retry] = dict(_REFUSALS.values())
"""What a region may refuse with, as the code of our text: who should try again."""


def reached(code: str) -> bool:
    """Whether the region itself answered, well or not, where a visit ended with this code."""
    return code not in _NOT_REACHED


@contextmanager
def converting(url: str) -> Iterator[None]:
    """Everything the network can raise, as SyncError. `url` is the region's address, for the operator."""
    try:
        yield
    except (requests.RequestException, HTTPError, ssl.SSLError, OSError) as fault:
        code, retry = _kind(list(_causes(fault)))
        raise SyncError(code, retry, url=url) from fault


def refusal(status: int, body: bytes, retry_after: str | None) -> SyncError:
    """The SyncError of an answer other than 200. The region says {code, ...params}; a machine between us may not."""
    said = _said(body)
    word = said.get("code")
    if not isinstance(word, str) or word not in _REFUSALS:
        word, said = _BY_STATUS.get(status), {}
    if word is None:
        return SyncError("sync.server_fault" if status >= 500 else "sync.garbage", "later", status=status)
    code, retry = _REFUSALS[word]
    params = dict(_PARAMS.get(code, {}))
    params |= {name: said[name] for name, usual in params.items() if type(said.get(name)) is type(usual)}
    if "retry_after_s" in params:
        waits = int(retry_after[:9]) if retry_after and retry_after.isdecimal() else params["retry_after_s"]
        params["retry_after_s"] = max(0, min(waits, _LONGEST_WAIT_S))
    return SyncError(code, retry, **params)


def _said(body: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except UNREADABLE:
        return {}


def _kind(causes: list[BaseException]) -> tuple[str, Retry]:
    for fault in causes:
        if isinstance(fault, ssl.SSLCertVerificationError):  # "later": a sign-in page in between goes away by itself
            return _CERTIFICATE.get(fault.verify_code, "sync.cert_unknown"), "later"
        if isinstance(fault, ssl.SSLError) and getattr(fault, "reason", "") in _HANDSHAKE:
            return _HANDSHAKE[fault.reason], "later"
    for fault in causes:
        if isinstance(fault, NameResolutionError | socket.gaierror):
            return "sync.no_network", "later"
        if isinstance(fault, ConnectionRefusedError):
            return "sync.refused", "later"
        if isinstance(fault, OSError) and fault.errno in _UNREACHABLE:
            return "sync.no_network", "later"
    if any(isinstance(fault, TimeoutError | requests.Timeout) for fault in causes):
        return "sync.timeout", "later"
    if any(isinstance(fault, IncompleteRead | ProtocolError | ConnectionError | ssl.SSLEOFError) for fault in causes):
        return "sync.cut_short", "later"
    if any(isinstance(fault, ssl.SSLError | requests.exceptions.SSLError) for fault in causes):
        return "sync.tls", "later"
    if any(isinstance(fault, requests.exceptions.InvalidSchema | requests.exceptions.InvalidURL) for fault in causes):
        return "sync.bad_url", "operator"
    return "sync.garbage", "later"


def _causes(fault: BaseException) -> Iterator[BaseException]:
    """The fault and all it wraps: causes, contexts, urllib3's `reason` and wrapped arguments."""
    waiting, seen = [fault], set()
    while waiting:
        one = waiting.pop(0)
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        wrapped = (one.__cause__, one.__context__, getattr(one, "reason", None), *one.args)
        waiting += [inner for inner in wrapped if isinstance(inner, BaseException)]
