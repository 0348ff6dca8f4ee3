"""LOGIN (draft-murchison-sasl-login): two questions. Obsolete, and still what Outlook and many devices speak."""

from __future__ import annotations

from yubin.sasl.mechanism import Challenge, Credentials, Steps, text

NAME = "LOGIN"


def login(initial: bytes | None) -> Steps:
    name: bytes = (yield Challenge(octets=b"Username:")) if initial is None else initial
    known = text(name)
    password: bytes = yield Challenge(octets=b"Password:")
    return (yield Credentials(login=known, password=text(password)))
