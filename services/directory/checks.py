"""Checks of what an operator typed: each returns the canonical form or raises Invalid.

No control character passes any of them (CASES E16): whatever goes into the store may be put into a header, a reply,
a zone file or a terminal later.
"""

from __future__ import annotations

import re
from dataclasses import fields

from yubin.accounts.port import Limits
from yubin.errors import Invalid
from yubin.mail.address import Address, canonical_domain

TARGETS = 100  # of one alias
PAGE, LONGEST_PAGE = 100, 1000
CURSOR_LIMIT = 320
_TENANT = re.compile(r"[a-z0-9-]{1,63}", re.ASCII)


def tenant(name: str) -> str:
    if not _TENANT.fullmatch(name):
        raise Invalid("a tenant's name is 1 to 63 of a-z, 0-9 and hyphen")
    return name


def domain(name: str) -> str:
    """A domain that can be ours: no address literal."""
    found = canonical_domain(name)
    if found.startswith("["):
        raise Invalid("an address literal is not a domain that can be hosted", code=553, enhanced="5.1.2")
    return found


def hosted(text: str) -> Address:
    """An address that an account or an alias may have.

    Without "+": user+tag is user's own (``Identity.owns``), so nobody else may be made of it.
    """
    address = Address.parse(text)
    domain(address.domain)
    if "+" in address.local:
        raise Invalid("user+tag belongs to user: give an address without +", code=553, enhanced="5.1.3")
    return Address.parse(address.canonical)


def targets(texts: tuple[str, ...]) -> tuple[Address, ...]:
    if not 1 <= len(texts) <= TARGETS:
        raise Invalid(f"an alias has 1 to {TARGETS} targets")
    return tuple(Address.parse(text) for text in texts)


def limits(given: Limits) -> Limits:
    """What a signed column of 8 or 4 octets holds."""
    for item in fields(given):
        most = 2**63 - 1 if item.name in {"quota", "message_size"} else 2**31 - 1
        if not 0 <= getattr(given, item.name) <= most:
            raise Invalid(f"{item.name} is 0 (the default) to {most}")
    return given


def page(after: str, limit: int) -> tuple[str, int]:
    if len(after) > CURSOR_LIMIT or not after.isprintable():
        raise Invalid("after is the last key of the page before")
    if not 0 <= limit <= LONGEST_PAGE:
        raise Invalid(f"limit is 1 to {LONGEST_PAGE}, or 0 for {PAGE}")
    return after, limit or PAGE
