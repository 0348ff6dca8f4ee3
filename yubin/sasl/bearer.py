"""OAUTHBEARER (RFC 7628) and XOAUTH2, which it grew out of and which Google's and Microsoft's clients speak.

    n,a=user@example.org,^Ahost=…^Aport=…^Aauth=Bearer TOKEN^A^A        OAUTHBEARER
    user=user@example.org^Aauth=Bearer TOKEN^A^A                        XOAUTH2

A token that does not hold is answered with JSON, as one more challenge; the client says something, and only then is it
refused (RFC 7628 3.2.2). What is our own fault is refused at once, and may be tried again.
"""

from __future__ import annotations

import re

from yubin.errors import Unauthenticated
from yubin.sasl import gs2
from yubin.sasl.mechanism import TOKEN_LIMIT, Bearer, Challenge, Steps, malformed, text, wrong

OAUTHBEARER, XOAUTH2 = "OAUTHBEARER", "XOAUTH2"
_SEPARATOR = b"\x01"
_PAIR = re.compile(rb"([A-Za-z]+)=([\x09\x0a\x0d\x20-\x7e]*)")  # RFC 7628 3.1
_TOKEN = re.compile(rb"[Bb][Ee][Aa][Rr][Ee][Rr] +([A-Za-z0-9._~+/-]+=*)")  # RFC 6750 2.1
_REFUSED = {  # RFC 7628 3.2.2; developers.google.com/gmail/imap/xoauth2-protocol
    OAUTHBEARER: b'{"status":"invalid_token"}',
    XOAUTH2: b'{"status":"401","schemes":"bearer"}',
}


def oauthbearer(initial: bytes | None) -> Steps:
    response: bytes = (yield Challenge(octets=b"")) if initial is None else initial
    header, rest = gs2.parse(response, OAUTHBEARER)
    if not rest.startswith(_SEPARATOR):
        raise malformed(OAUTHBEARER)
    pairs = _pairs(rest[1:], OAUTHBEARER)
    return (yield from _judged(header.authzid, pairs.get(b"auth", b""), OAUTHBEARER))


def xoauth2(initial: bytes | None) -> Steps:
    response: bytes = (yield Challenge(octets=b"")) if initial is None else initial
    user, _, rest = response.partition(_SEPARATOR)
    if not user.startswith(b"user="):
        raise malformed(XOAUTH2)
    pairs = _pairs(rest, XOAUTH2)
    return (yield from _judged(text(user[5:]), pairs.get(b"auth", b""), XOAUTH2))


def _pairs(octets: bytes, name: str) -> dict[bytes, bytes]:
    """``kvpair`` by key; each ends with ^A, and so does the whole."""
    if octets == _SEPARATOR:
        return {}
    if not octets.endswith(_SEPARATOR * 2):
        raise malformed(name)
    found = [_PAIR.fullmatch(pair) for pair in octets[:-2].split(_SEPARATOR)]
    pairs = {pair[1].lower(): pair[2] for pair in found if pair is not None}
    if len(pairs) != len(found):  # one that is none, or one twice
        raise malformed(name)
    return pairs


def _judged(login: str, authorization: bytes, name: str) -> Steps:
    try:
        return (yield Bearer(login=login, token=_token(authorization)))
    except Unauthenticated as failure:
        refused = failure
    yield Challenge(octets=_REFUSED[name])
    raise refused


def _token(authorization: bytes) -> str:
    found = _TOKEN.fullmatch(authorization)
    if found is None or len(found[1]) > TOKEN_LIMIT:
        raise wrong()
    return found[1].decode()
