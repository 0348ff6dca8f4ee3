"""The closed set of failures that cross a boundary.

A failure is a reply waiting to be rendered: it knows its SMTP reply code and enhanced status code (RFC 5321 4.2,
RFC 3463), its IMAP response code (RFC 5530), its gRPC status and its HTTP status. ``text`` is safe for strangers and
fits on one line; the cause (``raise … from cause``) goes to the log and never to the peer. A failure crosses gRPC
intact (``yubin.runtime.rpc``) and is rendered at the edge only. Whatever is not a ``Failure`` is an internal error and
is answered as ``Internal``: a 4xx, NO [UNAVAILABLE], or a retry.

    Failure
    ├── Invalid          the caller's input is wrong; the same input will never work
    ├── Unauthenticated  the credentials do not hold
    ├── Denied           known, and not allowed
    ├── NotFound
    ├── Exists
    ├── TooBig           a size limit
    ├── Exhausted        a quota or a rate; works again later
    ├── Unavailable      something that we need is away; works again later
    └── Internal         a fault of our own
"""

from __future__ import annotations

from typing import ClassVar


class Failure(Exception):  # noqa: N818 - "failure" is the word of RFC 3463
    """``code`` is the SMTP reply code, ``enhanced`` its ``class.subject.detail``, ``text`` one printable line."""

    default_code: ClassVar[int] = 451
    default_enhanced: ClassVar[str] = "4.3.0"
    imap: ClassVar[str] = "UNAVAILABLE"
    grpc: ClassVar[str] = "INTERNAL"
    http: ClassVar[int] = 500

    def __init__(self, text: str, *, code: int | None = None, enhanced: str | None = None) -> None:
        super().__init__(text)
        self.text = " ".join(text.split())
        self.code = code if code is not None else self.default_code
        self.enhanced = enhanced if enhanced is not None else self.default_enhanced

    @property
    def temporary(self) -> bool:
        """True when the same request may work later (first digit 4)."""
        return 400 <= self.code < 500

    @property
    def kind(self) -> str:
        """The name in KINDS: of a kind that only one pod knows (CommitUnknown), what it is to all others."""
        return next((base.__name__ for base in type(self).__mro__ if base.__name__ in KINDS), "Internal")

    def __str__(self) -> str:
        return f"{self.code} {self.enhanced} {self.text}"


# One line for each kind: read as the table that it is.
# fmt: off
class Invalid(Failure):
    default_code, default_enhanced, imap, grpc, http = 501, "5.5.4", "CANNOT", "INVALID_ARGUMENT", 400


class Unauthenticated(Failure):
    default_code, default_enhanced, imap, grpc, http = 535, "5.7.8", "AUTHENTICATIONFAILED", "UNAUTHENTICATED", 401


class Denied(Failure):
    default_code, default_enhanced, imap, grpc, http = 550, "5.7.1", "NOPERM", "PERMISSION_DENIED", 403


class NotFound(Failure):
    default_code, default_enhanced, imap, grpc, http = 550, "5.1.1", "NONEXISTENT", "NOT_FOUND", 404


class Exists(Failure):
    default_code, default_enhanced, imap, grpc, http = 550, "5.5.4", "ALREADYEXISTS", "ALREADY_EXISTS", 409


class TooBig(Failure):
    default_code, default_enhanced, imap, grpc, http = 552, "5.3.4", "TOOBIG", "OUT_OF_RANGE", 413


class Exhausted(Failure):
    default_code, default_enhanced, imap, grpc, http = 452, "4.5.3", "LIMIT", "RESOURCE_EXHAUSTED", 429


class Unavailable(Failure):
    default_code, default_enhanced, imap, grpc, http = 451, "4.3.0", "UNAVAILABLE", "UNAVAILABLE", 503


class Internal(Failure):
    default_code, default_enhanced, imap, grpc, http = 451, "4.3.0", "SERVERBUG", "INTERNAL", 500


# fmt: on

KINDS: dict[str, type[Failure]] = {
    kind.__name__: kind
    for kind in (Invalid, Unauthenticated, Denied, NotFound, Exists, TooBig, Exhausted, Unavailable, Internal)
}
