"""UTF8 (RFC 6856 2). Letters are sent as they are kept in either mode; names and passwords are UTF-8 always."""

from __future__ import annotations

from yubin.pop3.command import nothing
from yubin.pop3.dialogue import Dialogue


def utf8(d: Dialogue, argument: str) -> None:
    nothing(argument)
    d.utf8 = True
    d.ok("UTF-8 it is")
