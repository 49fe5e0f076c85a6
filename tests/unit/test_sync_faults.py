"""Everything the network raises ends as a SyncError with words."""

from __future__ import annotations

import errno
import socket
import ssl

import msgspec
import pytest
import requests
import urllib3
from hypothesis import given
from hypothesis import strategies as st

from config.texts import LANGUAGES, say
from domain.errors import SyncError
from sync import faults

URL = "https://region.example"


def verification(code: int) -> ssl.SSLCertVerificationError:
    fault = ssl.SSLCertVerificationError(1, "x")
    fault.verify_code = code
    return fault


CASES = [
    (requests.ConnectionError(urllib3.exceptions.MaxRetryError(None, "/", verification(10))), "sync.cert_expired"),
    (requests.exceptions.SSLError(verification(9)), "sync.cert_not_yet"),
    (requests.exceptions.SSLError(verification(62)), "sync.cert_name"),
    (requests.exceptions.SSLError(verification(64)), "sync.cert_name"),
    (requests.exceptions.SSLError(verification(20)), "sync.cert_chain"),
    (requests.exceptions.SSLError(verification(18)), "sync.cert_self_signed"),
    (requests.exceptions.SSLError(verification(19)), "sync.cert_unknown"),
    (requests.exceptions.SSLError("handshake"), "sync.tls"),
    (ssl.SSLError(1, "bad record"), "sync.tls"),
    (requests.ConnectionError(ConnectionRefusedError()), "sync.refused"),
    (requests.ConnectionError(socket.gaierror(-2, "no name")), "sync.no_network"),
    (requests.ConnectionError(OSError(errno.ENETUNREACH, "x")), "sync.no_network"),
    (requests.ConnectionError(OSError(errno.EHOSTUNREACH, "x")), "sync.no_network"),
    (requests.ConnectTimeout(), "sync.timeout"),
    (requests.ReadTimeout(), "sync.timeout"),
    (TimeoutError(), "sync.timeout"),
    (ConnectionResetError(), "sync.cut_short"),
    (requests.exceptions.ChunkedEncodingError(urllib3.exceptions.IncompleteRead(1, 2)), "sync.cut_short"),
    (requests.exceptions.InvalidSchema("http"), "sync.bad_url"),
    (requests.exceptions.ContentDecodingError(), "sync.garbage"),
]


@pytest.mark.parametrize(("fault", "code"), CASES)
def test_library_faults(fault: Exception, code: str):
    with pytest.raises(SyncError) as caught, faults.converting(URL):
        raise fault
    assert caught.value.code == code
    assert all(say(language, code, **caught.value.params) for language in LANGUAGES)


def test_our_own_mistakes_are_not_hidden():
    with pytest.raises(KeyError), faults.converting(URL):
        raise KeyError("ours")


@pytest.mark.parametrize("word", faults._REFUSALS)
def test_every_refusal_has_its_words(word: str):
    fault = faults.refusal(400, msgspec.json.encode({"code": word}), None)
    assert fault.code.startswith("sync.")
    assert all(say(language, fault.code, **fault.params) for language in LANGUAGES)


@given(st.integers(100, 599), st.binary(max_size=80), st.none() | st.text(max_size=12))
def test_no_answer_is_too_strange(status: int, body: bytes, retry_after: str | None):
    fault = faults.refusal(status, body, retry_after)
    assert all(say(language, fault.code, **fault.params) for language in LANGUAGES)


@given(st.dictionaries(st.sampled_from(["have", "hash", "retry_after_s", "oldest", "server_time", "kind"]),
                       st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.integers())),
       st.sampled_from(list(faults._REFUSALS)))  # fmt: skip
def test_params_keep_their_types(params: dict, word: str):
    fault = faults.refusal(409, msgspec.json.encode({"code": word, **params}) if fits(params) else b"", None)
    assert type(fault.params.get("have", 0)) is int
    assert 0 <= fault.params.get("retry_after_s", 0) <= 86400


def fits(params: dict) -> bool:
    return all(not isinstance(value, int) or abs(value) < 2**63 for value in params.values())
