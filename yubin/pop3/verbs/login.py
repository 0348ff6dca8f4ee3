"""USER and PASS (RFC 1939 7), and how every way of logging in ends: with the maildrop, or a reply that says why not."""

from __future__ import annotations

from yubin.errors import Failure, Invalid, Unauthenticated
from yubin.pop3.dialogue import Dialogue, State
from yubin.pop3.needs import Login, Steps


def user(d: Dialogue, argument: str) -> None:
    """Says the same of every name: whether it exists is nobody's business."""
    private(d)
    if not argument:
        raise Invalid("USER wants a name")
    d.user = argument
    d.ok("Now the password")


def pass_(d: Dialogue, argument: str) -> Steps | None:
    private(d)
    name, d.user = d.user, ""
    if not name:
        raise Invalid("USER comes first")
    return enter(d, name, argument)


def private(d: Dialogue) -> None:
    """Raises Unauthenticated: no password in clear (RFC 2595 2.3, RFC 8314 3; CASES F4)."""
    if not d.secure:
        raise Unauthenticated("Passwords are taken over TLS only")


def enter(d: Dialogue, login: str, password: str) -> Steps:
    """From AUTHORIZATION to TRANSACTION (RFC 1939 4)."""
    try:
        d.maildrop = yield Login(login=login, password=password)
    except Failure:
        failed(d)
        raise
    entered(d)


def failed(d: Dialogue) -> None:
    d.failures += 1
    d.closing = d.failures >= d.terms.login_failures


def entered(d: Dialogue) -> None:
    d.state = State.TRANSACTION
    d.ok(f"{d.maildrop.count} messages ({d.maildrop.octets} octets)")
