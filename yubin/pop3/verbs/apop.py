"""APOP (RFC 1939 7): not offered. It needs the password in clear on our side, and MD5; SASL over TLS is there instead."""

from __future__ import annotations

from yubin.errors import NotFound
from yubin.pop3.dialogue import Dialogue


def apop(d: Dialogue, argument: str) -> None:  # noqa: ARG001
    raise NotFound("APOP is not offered here; use USER or AUTH over TLS")
