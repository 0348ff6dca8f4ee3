"""Why mail for an address of ours is not taken, in the words of SMTP: for the pods to which senders have logged in."""

from __future__ import annotations

from yubin.accounts.port import Destination, Kind
from yubin.errors import Denied, Failure, NotFound


def refusal(destination: Destination) -> Failure | None:
    """None when it takes mail, or is not ours to judge."""
    if destination.kind is Kind.UNKNOWN:
        return NotFound("No such address here")  # 550 5.1.1 (CASES I2)
    if destination.kind is Kind.DISABLED:
        return Denied("The mailbox is disabled", enhanced="5.2.1")
    if destination.kind is Kind.MOVED:
        return Denied(_moved(destination.moved_to), code=551, enhanced="5.1.6")
    return None


def _moved(address: str) -> str:
    """RFC 5321 3.4; a reply is ASCII (RFC 6531 3.5 would allow more, where the session has SMTPUTF8)."""
    return (
        f"User not local; please try <{address}>"
        if address.isascii()
        else "User not local; the user has moved"
    )
