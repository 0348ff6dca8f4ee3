"""Recipients in our own domains become what stands behind them, before a letter is split into deliveries.

An account's addresses (an alias, user+tag, a catch-all's) become its primary one, an alias' targets elsewhere become
recipients of their own, and everybody is there once, however many ways lead to him. What a sender asked for goes with
each (RFC 3461 5.2.7): NOTIFY as it is, ORCPT as it is or, where none was given, the address that was written to. What
takes no mail was refused before; should it have ceased to since, it stays as it is, and delivery makes the bounce.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from yubin.accounts.port import Destination, Recipients
from yubin.errors import Exhausted, Invalid
from yubin.mail.address import canonical
from yubin.queue.port import NewRecipient

MOST = 50_000  # recipients of one letter, all aliases expanded


async def expand(given: Sequence[NewRecipient], directory: Recipients) -> tuple[NewRecipient, ...]:
    """Raises Unavailable (451), or Exhausted (452 4.5.3) when aliases make too many of them."""
    found: dict[str, NewRecipient] = {}
    destinations = await directory.lookup([recipient.address for recipient in given])
    for recipient, destination in zip(given, destinations, strict=True):
        for each in _behind(recipient, destination):
            found.setdefault(_key(each.address), each)
        if len(found) > MOST:
            raise Exhausted("Too many recipients behind the aliases of this letter")
    return tuple(found.values())


def _behind(recipient: NewRecipient, destination: Destination) -> list[NewRecipient]:
    """Itself where there is nobody: the address is not ours, or takes no mail."""
    addresses = [*(account.address for account in destination.accounts), *destination.remote]
    return [_redirected(recipient, address) for address in addresses] or [recipient]


def _redirected(recipient: NewRecipient, address: str) -> NewRecipient:
    if recipient.orcpt is not None or _key(recipient.address) == _key(address):
        return replace(recipient, address=address)
    kind = "rfc822" if recipient.address.isascii() else "utf-8"  # RFC 6533 3
    return replace(recipient, address=address, orcpt=f"{kind};{recipient.address}")


def _key(address: str) -> str:
    """Of domains elsewhere the case of a local part may mean something (RFC 5321 2.4); two letters do less harm."""
    try:
        return canonical(address)
    except Invalid:
        return address
