"""PLAIN (RFC 4616): ``[authzid] NUL authcid NUL passwd`` in one response."""

from __future__ import annotations

from yubin.sasl.mechanism import Challenge, Credentials, Steps, malformed, text, wrong

NAME = "PLAIN"


def plain(initial: bytes | None) -> Steps:
    response: bytes = (yield Challenge(octets=b"")) if initial is None else initial
    parts = response.split(b"\0")
    if len(parts) != 3:
        raise malformed(NAME)
    authzid, authcid, passwd = parts
    if authzid not in {b"", authcid}:  # nobody acts for another here (RFC 4616 2)
        raise wrong()
    return (yield Credentials(login=text(authcid), password=text(passwd)))
