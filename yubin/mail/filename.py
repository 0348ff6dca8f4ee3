"""The name of an attachment as people should see it (RFC 2183 2.3, RFC 2231, and what programs write instead)."""

from __future__ import annotations

from yubin.mail import charset
from yubin.mail.encoded import display
from yubin.mail.parameters import extended
from yubin.mail.part import Parameters, Part

LIMIT = 1000  # characters


def filename(part: Part) -> str:
    """From Content-Disposition, else the name of Content-Type; "" where there is none. Nothing to open a file with."""
    shown = _named(part.disposition.params, "filename") if part.disposition is not None else ""
    return shown or _named(part.params, "name")


def _named(params: Parameters, name: str) -> str:
    """The encoded form counts before the plain one (RFC 6266 4.3)."""
    known = dict(params)
    encoded = known.get(f"{name}*")
    if encoded is not None:
        octets, declared = extended(encoded)
        return charset.decode(octets, declared or "utf-8")[:LIMIT]
    return display(known.get(name, b""))[:LIMIT]
