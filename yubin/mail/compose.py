"""A letter made of fields and texts (RFC 5322, MIME of RFC 2045 and 2046), for whoever brings no letter of their own.

Text beyond ASCII goes out as UTF-8: in header fields as encoded words, in bodies as base64. Text and HTML together
make a multipart/alternative. Bcc is the envelope's business and never written. Date and Message-ID are left to
``yubin.mail.message.complete``.
"""

from __future__ import annotations

import re
from base64 import encodebytes
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from yubin.errors import Invalid
from yubin.mail import encoded
from yubin.mail.address import Address

NAME = re.compile(r"[!-9;-~]{1,76}")
RESERVED = frozenset(
    [
        "from",
        "to",
        "cc",
        "bcc",
        "subject",
        "reply-to",
        "date",
        "message-id",
        "mime-version",
        "content-type",
        "content-transfer-encoding",
        "received",
        "return-path",
        "dkim-signature",
        "sender",
    ]
)
FIELD_LENGTH = 2000  # characters
_LINE_END = re.compile(r"\r\n?|\n")
_NAMED = re.compile(r"(?P<name>[^<>]*)<(?P<address>[^<>]*)>\s*")


@dataclass(frozen=True, kw_only=True)
class Mailbox:
    """``name`` "" when there is none."""

    name: str
    address: Address

    @classmethod
    def parse(cls, text: str, what: str) -> Mailbox:
        """``user@example.org`` or ``Name <user@example.org>``; Invalid names the input ``what``."""
        checked(what, text)
        m = _NAMED.fullmatch(text)
        name, address = (m["name"].strip(), m["address"]) if m else ("", text.strip())
        if len(name) > 1 and name[0] == name[-1] == '"':
            name = re.sub(r"\\(.)", r"\1", name[1:-1])
        try:
            return cls(name=name, address=Address.parse(address))
        except Invalid as e:
            raise Invalid(f"{what}: {e.text}", code=e.code, enhanced=e.enhanced) from e

    def __str__(self) -> str:
        return f"{encoded.phrase(self.name)} <{self.address}>" if self.name else str(self.address)


@dataclass(frozen=True, kw_only=True)
class Texts:
    """What the letter says; ``text`` or ``html`` or both. ``headers`` are further fields, X- or List- and the like."""

    sender: Mailbox
    to: Sequence[Mailbox] = ()
    cc: Sequence[Mailbox] = ()
    reply_to: Sequence[Mailbox] = ()
    subject: str = ""
    text: str | None = None
    html: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


def checked(what: str, text: str) -> str:
    """CASES E16: nothing that could end a line reaches a header field; raises Invalid."""
    if encoded.forbidden(text):
        raise Invalid(f"{what}: line ends and other control characters are not allowed")
    if len(text) > FIELD_LENGTH:
        raise Invalid(f"{what}: longer than {FIELD_LENGTH} characters")
    return text


def compose(letter: Texts, *, boundary: str) -> bytes:
    """The letter with CRLF line ends; ``boundary`` is a text that nobody can guess. Raises Invalid."""
    return _header(letter) + b"MIME-Version: 1.0\r\n" + _body(letter, boundary)


def _header(letter: Texts) -> bytes:
    fields = [encoded.addresses("From", [str(letter.sender)])]
    for name, mailboxes in (("To", letter.to), ("Cc", letter.cc), ("Reply-To", letter.reply_to)):
        if mailboxes:
            fields.append(encoded.addresses(name, [str(mailbox) for mailbox in mailboxes]))
    if not letter.to and not letter.cc:
        fields.append(b"To: undisclosed-recipients:;\r\n")
    fields.append(encoded.unstructured("Subject", checked("subject", letter.subject)))
    fields.extend(_further(name, value) for name, value in letter.headers.items())
    return b"".join(fields)


def _further(name: str, value: str) -> bytes:
    if not NAME.fullmatch(name) or name.lower() in RESERVED or name.lower().startswith("resent-"):
        shown = name[:40] if name.isprintable() else "…"
        raise Invalid(f"headers: {shown} cannot be set here")
    return encoded.unstructured(name, checked(f"headers: {name}", value))


def _body(letter: Texts, boundary: str) -> bytes:
    parts = [
        _part(f"text/{kind}", text)
        for kind, text in (("plain", letter.text), ("html", letter.html))
        if text is not None
    ] or [_part("text/plain", "")]
    if len(parts) == 1:
        return parts[0]
    delimiter = b"--" + boundary.encode()
    head = f'Content-Type: multipart/alternative; boundary="{boundary}"\r\n\r\n'.encode()
    return b"".join((head, *(b"%b\r\n%b\r\n" % (delimiter, part) for part in parts), delimiter, b"--\r\n"))


def _part(kind: str, text: str) -> bytes:
    """7bit where text is ASCII with short lines (RFC 5322 2.1.1), base64 otherwise."""
    body = _LINE_END.sub("\r\n", text)
    if body and not body.endswith("\r\n"):
        body += "\r\n"
    data = body.encode("utf-8", "replace")
    if data.isascii() and b"\0" not in data and max(map(len, data.split(b"\r\n"))) <= 990:
        return (
            f"Content-Type: {kind}; charset=us-ascii\r\nContent-Transfer-Encoding: 7bit\r\n\r\n".encode()
            + data
        )
    coded = encodebytes(data).replace(b"\n", b"\r\n")
    return (
        f"Content-Type: {kind}; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n".encode() + coded
    )
