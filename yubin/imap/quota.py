"""QUOTA and QUOTAROOT responses (RFC 9208 4.2). One root for a whole account, with the empty name."""

from __future__ import annotations

from collections.abc import Mapping

from yubin.imap.quoting import mailbox

ROOT = ""
UNIT = 1024  # octets in a unit of STORAGE (RFC 9208 5.1)


def quota(resources: Mapping[str, tuple[int, int]]) -> bytes:
    """Usage and limit by resource, in units: ``{"STORAGE": (units(used), limit // UNIT)}``."""
    shown = " ".join([f"{name} {used} {limit}" for name, (used, limit) in resources.items()])
    return b'* QUOTA "" (%b)\r\n' % shown.encode()


def quotaroot(name: str, *, utf8: bool, limited: bool = True) -> bytes:
    """``limited`` False: no quota applies to the mailbox, and it has no root."""
    return b"* QUOTAROOT %b%b\r\n" % (mailbox(name, utf8=utf8), b' ""' if limited else b"")


def units(octets: int) -> int:
    """Rounded up: what is used is never said to be nothing."""
    return -(-octets // UNIT)
