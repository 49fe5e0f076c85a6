"""What a terminal signs on every request: RFC 9421 over method, path, query and content digest
(docs/formats.md, section 4)."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from dataclasses import dataclass
from hashlib import sha256

from domain.errors import WireError

ALG = "ecdsa-p256-sha256"
TAG = "vaxdesk-1"
FRESH_S = 300
_COVERED = '("@method" "@path" "@query" "content-digest")'
_INPUT = re.compile(
    r'vaxdesk=\("@method" "@path" "@query" "content-digest"\)'
    r';created=(\d{1,12});keyid="([\w.-]{1,64})";alg="ecdsa-p256-sha256";nonce="([\w-]{8,64})";tag="vaxdesk-1"',
    re.ASCII,
)
_SIGNATURE = re.compile(r"vaxdesk=:([A-Za-z0-9+/]{86}==):")


@dataclass(frozen=True)
class SignatureInput:
    """Parameters of one signed request. `created` is Unix seconds by the region's clock as the terminal knows it."""

    created: int
    keyid: str
    nonce: str

    @property
    def params(self) -> str:
        return f'{_COVERED};created={self.created};keyid="{self.keyid}";alg="{ALG}";nonce="{self.nonce}";tag="{TAG}"'


def content_digest(body: bytes) -> str:
    """RFC 9530, SHA-256."""
    return "sha-256=:" + b64encode(sha256(body).digest()).decode() + ":"


def signature_base(method: str, path: str, query: str, digest: str, given: SignatureInput) -> bytes:
    """The bytes signed (RFC 9421, section 2.5). `query` comes without its question mark."""
    return (
        f'"@method": {method.upper()}\n"@path": {path}\n"@query": ?{query}\n'
        f'"content-digest": {digest}\n"@signature-params": {given.params}'
    ).encode()


def headers(digest: str, given: SignatureInput, signature: bytes) -> dict[str, str]:
    return {
        "Content-Digest": digest,
        "Signature-Input": f"vaxdesk={given.params}",
        "Signature": f"vaxdesk=:{b64encode(signature).decode()}:",
    }


def parse(signature_input: str, signature: str) -> tuple[SignatureInput, bytes]:
    """Read the two headers. Raises WireError("wire.bad_request_signature")."""
    found, sig = _INPUT.fullmatch(signature_input), _SIGNATURE.fullmatch(signature)
    if not found or not sig:
        raise WireError("wire.bad_request_signature", "never")
    return SignatureInput(int(found[1]), found[2], found[3]), b64decode(sig[1])
