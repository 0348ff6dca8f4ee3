"""Who wrote a letter, as its header says, and whether the account may say so (RFC 6409 6.1; CASES F5).

Every mailbox of From, Sender, Resent-From and Resent-Sender must be the account's own, as MAIL FROM must.
"""

from __future__ import annotations

from yubin.accounts.port import Identity
from yubin.errors import Denied, Failure, Invalid
from yubin.mail.address import Address, canonical
from yubin.mail.header import Field, Headers
from yubin.mail.mailboxes import mailboxes

FIELDS = ("from", "sender", "resent-from", "resent-sender")


def own(identity: Identity, address: Address, what: str) -> None:
    """Raises Denied (553 5.7.1) when ``address`` is somebody else's."""
    if not identity.owns(address.canonical):
        raise Denied(f"{what} is not an address of your account", code=553)


def author_domain(headers: Headers, identity: Identity, sender: Address) -> str:
    """Checks every author; the domain that signs: that of From's first mailbox, or of ``sender`` without a From."""
    domain = sender.domain
    for name in FIELDS:
        for field in headers.all(name):
            addresses = _addresses(field)
            for address in addresses:
                if not identity.owns(canonical(address)):
                    raise Denied(f"{name.title()} is not an address of your account", code=553)
            if name == "from":
                domain = Address.parse(addresses[0]).domain
    return domain


def _addresses(field: Field) -> list[str]:
    try:
        found = mailboxes(field.value)
        for address in found:
            Address.parse(address)
    except Failure as failure:
        raise Invalid(f"{field.name.title()}: {failure.text}", code=550, enhanced="5.6.0") from failure
    if not found:
        raise Invalid(f"{field.name.title()} names nobody", code=550, enhanced="5.6.0")
    return found
