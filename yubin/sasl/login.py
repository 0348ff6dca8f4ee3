"""LOGIN (draft-murchison-sasl-login): two questions. Obsolete, and still what Outlook and many devices speak."""

from __future__ import annotations

from yubin.sasl.mechanism import Challenge, Credentials, text


class Login:
    name = "LOGIN"

    def __init__(self) -> None:
        self._login: str | None = None

    def respond(self, response: bytes | None) -> Challenge | Credentials:
        if response is None:
            return Challenge(octets=b"Username:")
        if self._login is None:
            self._login = text(response)
            return Challenge(octets=b"Password:")
        return Credentials(login=self._login, password=text(response))
