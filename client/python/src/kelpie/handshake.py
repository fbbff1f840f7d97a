"""Why a connection to a coordinator does not open, where TLS is the reason, and what to do about it."""

from __future__ import annotations

import asyncio
import ssl

from kelpie.errors import KelpieError

# What gRPC writes about a TLS handshake that failed, the reason that it means, and the advice.
_MEANINGS = (
    (
        "CERTIFICATE_VERIFY_FAILED: certificate has expired",
        "CERTIFICATE_EXPIRED",
        "the certificate of {0} has expired by the clock of this machine; renew it (kelpied certs --force), "
        "or set the clock",
    ),
    (
        "CERTIFICATE_VERIFY_FAILED",
        "CERTIFICATE_UNTRUSTED",
        "no CA that this client trusts has signed the certificate of {0}; give the CA of this coordinator as ca or "
        "KELPIE_CA",
    ),
    (
        "is not in peer certificate",
        "CERTIFICATE_WRONG_HOST",
        "the certificate of {0} is for another host; connect to the host that it names, or make a certificate for both "
        "on its machine: kelpied certs --force, with all names and addresses",
    ),
    (
        "WRONG_VERSION_NUMBER",
        "TLS_UNSUPPORTED",
        "{0} does not speak TLS; start kelpied with --tls-cert and --tls-key, or leave tls and the certificates out, or "
        "ask for plain text by name (insecure) on a network that you trust",
    ),
)
_DEMANDED = "{0} demands a client certificate; give one as cert and key, or as KELPIE_CERT and KELPIE_KEY"
_REFUSED = (
    "{0} closed the connection when it saw the certificate of this client; it must be a valid one of the CA that "
    "kelpied has as --tls-client-ca"
)
_REQUIRED = "{0} speaks TLS, and this client sent plain text; give the CA of this coordinator as ca or KELPIE_CA"
_PROBE_SECONDS = 2.0


async def explained(error: KelpieError, endpoint: str, tls: bool, has_certificate: bool) -> KelpieError:
    """The error, or one that says which fault of TLS is its reason."""
    text = error.message
    if error.reason != "UNAVAILABLE":
        return error
    for sign, reason, advice in _MEANINGS:
        if sign in text or (reason == "CERTIFICATE_WRONG_HOST" and "Hostname Verification Check failed" in text):
            return KelpieError(reason, advice.format(endpoint))
    if "handshake failed" in text:
        return KelpieError("TLS_FAILED", f"the handshake with {endpoint} failed: {text}")
    # A coordinator that closes a connection before its first frame says no reason.
    if not text.startswith("failed to connect") or "Connection refused" in text:
        return error
    if tls and has_certificate:
        return KelpieError("CLIENT_CERTIFICATE_REFUSED", _REFUSED.format(endpoint))
    if tls and "TSI_DATA_CORRUPTED" in text:
        return KelpieError("CLIENT_CERTIFICATE_REQUIRED", _DEMANDED.format(endpoint))
    if not tls and await _speaks_tls(endpoint):
        return KelpieError("TLS_REQUIRED", _REQUIRED.format(endpoint))
    return error


async def _speaks_tls(endpoint: str) -> bool:
    # It sends nothing to the other side, so any certificate will do.
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    host, _, port = endpoint.rpartition(":")
    try:
        opening = asyncio.open_connection(host.strip("[]"), int(port), ssl=context)
        _, writer = await asyncio.wait_for(opening, _PROBE_SECONDS)
    except (OSError, asyncio.TimeoutError):
        return False
    writer.close()
    return True
