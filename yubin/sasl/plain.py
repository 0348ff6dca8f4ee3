"""PLAIN (RFC 4616): ``[authzid] NUL authcid NUL passwd`` in one response."""

from __future__ import annotations

from yubin.errors import Invalid, Unauthenticated
from yubin.sasl.mechanism import Challenge, Credentials, text


class Plain:
    name = "PLAIN"

    def respond(self, response: bytes | None) -> Challenge | Credentials:
        if response is None:
            return Challenge(octets=b"")
        parts = response.split(b"\0")
        if len(parts) != 3:
            raise Invalid("Bad PLAIN message", enhanced="5.5.2")
        authzid, authcid, passwd = parts
        if authzid not in {b"", authcid}:  # nobody acts for another here (RFC 4616 2)
            raise Unauthenticated("Authentication credentials invalid")
        return Credentials(login=text(authcid), password=text(passwd))
