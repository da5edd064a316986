"""The signature of a post, as Standard Webhooks 1.0 has it (standardwebhooks.com).

webhook-signature: v1,<base64 of HMAC-SHA-256 of `<id>.<timestamp>.<body>`>, one for each secret
"""

import hmac
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence

from services.stream.webhooks.receiver import PREFIX


def headers(id: str, time: float, body: bytes, secrets: Sequence[str]) -> Mapping[str, str]:
    """The three headers. `time`: of this attempt, seconds since 1970. Each secret `whsec_…`."""
    stamp = str(int(time))
    signed = b".".join((id.encode(), stamp.encode(), body))
    return {
        "webhook-id": id,
        "webhook-timestamp": stamp,
        "webhook-signature": " ".join(_sign(secret, signed) for secret in secrets),
    }


def _sign(secret: str, signed: bytes) -> str:
    key = b64decode(secret.removeprefix(PREFIX))
    return f"v1,{b64encode(hmac.digest(key, signed, 'sha256')).decode()}"
