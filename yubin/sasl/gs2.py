"""The gs2-header (RFC 5801 4), with which messages of SCRAM and OAUTHBEARER begin: ``flag "," [ "a=" saslname ] ","``.

The flag is "n" (no channel binding), "y" (the client could, and thinks that we cannot) or "p=…" (it insists). Binding
to TLS 1.3 is tls-exporter (RFC 9266), which Python's ssl does not hand out: no -PLUS is offered here, so that "y" is
right and "p" must fail (RFC 5802 6).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from yubin.sasl.mechanism import FIELD_LIMIT, malformed, wrong

_SASLNAME = re.compile(r"(?:[^\0,=]|=2C|=3D)+")


@dataclass(frozen=True, kw_only=True)
class Gs2:
    """``header`` as it was sent, with its last comma. ``authzid`` "": none was given."""

    header: bytes
    authzid: str


def parse(message: bytes, name: str) -> tuple[Gs2, bytes]:
    """The header and what follows; raises Invalid, or Unauthenticated for channel binding that we cannot do."""
    parts = message.split(b",", 2)
    if len(parts) != 3:
        raise malformed(name)
    flag, authzid, rest = parts
    if flag.startswith(b"p="):
        raise wrong()
    if flag not in {b"n", b"y"} or (authzid and not authzid.startswith(b"a=")):
        raise malformed(name)
    header = message[: len(message) - len(rest)]
    return Gs2(header=header, authzid=saslname(authzid[2:], name) if authzid else ""), rest


def saslname(octets: bytes, name: str) -> str:
    """RFC 5802 5.1: a comma is =2C, an equals sign =3D, and any other = is an error."""
    try:
        escaped = octets.decode()
    except UnicodeDecodeError as error:
        raise malformed(name) from error
    if len(octets) > FIELD_LIMIT or not _SASLNAME.fullmatch(escaped):
        raise malformed(name)
    return escaped.replace("=2C", ",").replace("=3D", "=")
