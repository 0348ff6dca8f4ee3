"""Names that are asked for on somebody's behalf: domains, service names with underscores, and addresses turned round."""

from __future__ import annotations

import ipaddress
import re

from yubin.errors import Invalid
from yubin.mail.address import canonical_domain

_SERVICE = re.compile(r"(?:[a-z0-9_-]{1,63}\.)*[a-z0-9-]{1,63}")


def service_name(text: str) -> str:
    """``_dmarc.Example.COM.`` in lower case without the last dot, U-labels as A-labels; raises Invalid 553 5.1.2."""
    name = text.lower().removesuffix(".")
    if len(name) <= 253 and "_" in name and name.isascii() and _SERVICE.fullmatch(name):
        return name
    canonical = canonical_domain(text)
    if canonical.startswith("["):
        raise Invalid("Bad domain name: an address", code=553, enhanced="5.1.2")
    return canonical


def reversed_address(text: str) -> str:
    """The labels of an address, last first: octets for IPv4, nibbles for IPv6 (RFC 5782 2.1, 2.4); raises Invalid."""
    try:
        pointer = ipaddress.ip_address(text).reverse_pointer
    except ValueError:
        raise Invalid("Not an IP address", code=501, enhanced="5.5.4") from None
    return pointer.removesuffix(".in-addr.arpa").removesuffix(".ip6.arpa")


def pointer(text: str) -> str:
    """The name below in-addr.arpa (RFC 1035 3.5) or ip6.arpa (RFC 3596 2.5); raises Invalid."""
    return f"{reversed_address(text)}.{'ip6' if ':' in text else 'in-addr'}.arpa"
