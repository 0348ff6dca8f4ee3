"""The mechanisms that a server can offer, by name; which of them it does is a setting of each listener."""

from __future__ import annotations

from collections.abc import Mapping

from yubin.sasl import bearer, login, plain, scram
from yubin.sasl.mechanism import Mechanism

SERVER: Mapping[str, Mechanism] = {
    plain.NAME: plain.plain,
    login.NAME: login.login,
    scram.NAME: scram.scram,
    bearer.OAUTHBEARER: bearer.oauthbearer,
    bearer.XOAUTH2: bearer.xoauth2,
}
OFFERED = (plain.NAME, login.NAME)  # where nothing else is said


def chosen(names: str) -> tuple[str, ...]:
    """Of a setting: names with spaces between, in the order in which they are announced. Raises ValueError."""
    found = tuple(dict.fromkeys(names.upper().split()))
    unknown = [name for name in found if name not in SERVER]
    if unknown or not found:
        raise ValueError(f"give some of {' '.join(SERVER)}")
    return found
