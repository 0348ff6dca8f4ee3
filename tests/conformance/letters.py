"""Whole letters that others wrote, along the way that a letter takes through this house.

Each judge takes a letter with CRLF line ends, as a mail program would send it, and says "" or what went wrong. What
another program can tell is asked of another program: dkimpy verifies, Python's email reads.
"""

from __future__ import annotations

import base64
import email
import email.policy
import re
from collections.abc import Callable, Iterator
from email.header import decode_header
from email.message import Message
from email.utils import getaddresses
from functools import cache
from pathlib import Path

import dkim as dkimpy
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from tests.conformance import imap_text
from yubin.accounts.port import SigningKey
from yubin.auth import dkim
from yubin.errors import Failure
from yubin.imap import bodystructure, section
from yubin.mail import content, encoded, mime, structure
from yubin.mail.dsn import FULL_LIMIT, Report, Reported, compose
from yubin.mail.filename import filename
from yubin.mail.header import mailboxes, scan
from yubin.mail.message import DROPPED, complete
from yubin.mail.part import Part
from yubin.mailboxes import reading
from yubin.smtp import lines
from yubin.smtp.data import wire
from yubin.smtp.incoming import Incoming
from yubin.smtp.sevenbit import convert

Judge = Callable[[bytes], str]
NOW = 1_000_000_000
LIMIT = 50 * 1024 * 1024


def letters(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Name and octets of every letter in a folder and the folders in it."""
    for file in sorted(folder.rglob("*.eml")):
        yield file.stem, file.read_bytes()


def as_sent(data: bytes) -> bytes:
    """A file of LF lines as its mail program would send it; every line end is CRLF."""
    return re.sub(rb"\r\n|\r|\n", b"\r\n", data)


def scanned(letter: bytes) -> str:
    """Fields, gap and body are the letter, byte for byte."""
    headers = scan(letter)
    position = 0
    for field in headers.fields:
        if field.start != position or field.value not in letter[field.start : field.end]:
            return f"a gap before {field.name}"
        position = field.end
    gap = letter[headers.end : headers.body]
    return (
        ""
        if position == headers.end and gap in {b"\r\n", b""}
        else f"the header ends at {position} with {gap!r}"
    )


def completed(letter: bytes) -> str:
    """What comes in goes out byte for byte, but for fields that are added in front and those that never leave."""
    headers = scan(letter)
    try:
        whole = complete(letter, now=NOW, number="N", domain="example.org", sender="a@example.org")
    except Failure as failure:
        return failure.text
    kept = b"".join(letter[f.start : f.end] for f in headers.fields if f.name not in DROPPED)
    if kept and not kept.endswith(b"\n"):
        kept += b"\r\n"
    if not whole.header.endswith(kept) or bytes(whole.body) != letter[headers.body :]:
        return "header or body was changed"
    added = {f.name for f in scan(whole.header[: len(whole.header) - len(kept)]).fields}
    again = scan(whole.join())
    names = [f.name for f in again.fields]
    if not added <= {"from", "date", "message-id"} or not again.closed:
        return f"added {sorted(added)}"
    return "" if {"from", "date", "message-id"} <= set(names) else f"lacks a field: {names}"


def over_smtp(letter: bytes) -> str:
    """Our client's DATA, cut into odd pieces, is the same letter to our server; only endless lines are folded."""
    incoming = Incoming()
    incoming.begin()
    stream = b"".join(wire(letter)) + b".\r\nQUIT\r\n"
    received = None
    for at in range(0, len(stream), 97):
        incoming.feed(stream[at : at + 97])
        received = incoming.letter(LIMIT) if received is None else received
    if received is None:
        return "has no end"
    sent = letter if letter.endswith(b"\r\n") else letter + b"\r\n"
    sent = lines.folded(sent) if lines.long(sent) else sent
    if lines.unstuffed(received) != sent or lines.bare(received):
        return "arrived changed"
    return "" if incoming.line() == b"QUIT" else "swallowed the next command"


@cache
def _key() -> tuple[SigningKey, bytes]:
    private = rsa.generate_private_key(65537, 2048)
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    key = SigningKey(domain="example.org", selector="s", algorithm="rsa-sha256", private_pem=pem)
    return key, b"v=DKIM1; k=rsa; p=" + base64.b64encode(public)


def signed(letter: bytes) -> str:
    """The verifier dkimpy finds our signature good over the completed letter, and bad when a byte of the body has changed."""
    key, record = _key()
    try:
        content = lines.folded(letter) if lines.long(letter) else letter
        whole = complete(content, now=NOW, number="N", domain="example.org", sender="a@example.org")
    except Failure as failure:
        return failure.text
    signature = dkim.sign(whole.header, whole.body, [key], now=NOW)
    data = whole.join(signature)
    if not _holds(data, record):
        return "dkimpy does not verify"
    return "dkimpy verifies a forgery" if _holds(data + b"forged\r\n", record) else ""


def _holds(data: bytes, record: bytes) -> bool:
    try:
        return dkimpy.DKIM(data).verify(dnsfunc=lambda _name, timeout=5: record)
    except dkimpy.DKIMException:
        return False


def authors(letter: bytes) -> str:
    """From names whom Python's email reads there, or is refused; it is never somebody else."""
    for field in scan(letter).all("from"):
        text = field.text.decode("utf-8", "replace")
        try:
            ours = mailboxes(field.value)
        except Failure:
            ours = []
        theirs = [_plain(address) for _, address in getaddresses([text]) if "@" in address]
        if ours and [_plain(a) for a in ours] != theirs:
            return f"{ours} where Python reads {theirs}"
        if not ours and theirs:
            return f"refused, where Python reads {theirs}: {text[:60]!r}"
    return ""


def _plain(address: str) -> str:
    return re.sub(r'[\s"]+', "", address)


def subjects(letter: bytes) -> str:
    """Encoded words are read as Python's email reads them."""
    for field in scan(letter).all("subject"):
        if not field.text.isascii() or b"=?" not in field.text:
            continue
        text = field.text.decode()
        ours, theirs = encoded.decode(text), _python(text)
        if theirs is not None and _blanks(ours) != _blanks(theirs):
            return f"{ours!r} where Python reads {theirs!r}"
    return ""


def _python(text: str) -> str | None:
    try:
        return "".join(
            part if isinstance(part, str) else part.decode(charset or "ascii")
            for part, charset in decode_header(text)
        )
    except (LookupError, ValueError, email.errors.HeaderParseError):
        return None


def _blanks(text: str) -> str:
    return "".join(text.split())


def seven_bits(letter: bytes) -> str:
    """Converted for a peer without 8BITMIME, every leaf is the same octets to Python's email."""
    converted = convert(letter)
    if converted is None:
        return ""
    if not converted.isascii():
        return "has eight bits left"
    return "" if _leaves(converted) == _leaves(letter) else "a part was changed"


def _leaves(letter: bytes) -> list[tuple[str, bytes]]:
    parsed = email.message_from_bytes(letter, policy=email.policy.compat32)
    return [
        (part.get_content_type(), bytes(part.get_payload(decode=True) or b"").replace(b"\r\n", b"\n"))
        for part in parsed.walk()
        if not part.is_multipart()
    ]


def read(letter: bytes) -> str:
    """As the mailbox reads it on arrival: answers that IMAP's grammar allows, sections that make up the letter."""
    parsed = reading.read(letter)
    reading.index_words(letter)
    tree = structure.unpack(parsed.structure)
    imap_text.envelope(imap_text.parse(parsed.envelope, strict=True))
    for extended in (True, False):
        answer = bodystructure.bodystructure(tree, extended=extended)
        imap_text.body(imap_text.parse(answer, strict=True), extended=extended)
    ends = [section.find(tree, (), kind) for kind in ("HEADER", "TEXT")]
    pieces = b"".join(letter[at : at + size] for at, size in (end or (0, 0) for end in ends))
    return "" if pieces == letter else "HEADER and TEXT are not the letter"


def parts(letter: bytes) -> str:
    """The leaves are of the types, and hold the octets, that Python's email finds."""
    theirs = list(_theirs(email.message_from_bytes(letter, policy=email.policy.compat32)))
    ours = [
        (f"{part.type}/{part.subtype}", _content(letter, part).replace(b"\r\n", b"\n"))
        for part in _ours(mime.parse(letter))
    ]
    if [kind for kind, _ in ours] != [kind for kind, _ in theirs]:
        return f"{[kind for kind, _ in ours]} where Python finds {[kind for kind, _ in theirs]}"
    other = [kind for (kind, a), (_, b) in zip(ours, theirs, strict=True) if _tight(a) != _tight(b)]
    return f"other octets in {other}" if other else ""


def _theirs(part: Message) -> Iterator[tuple[str, bytes]]:
    """Python makes a tree of the groups of message/delivery-status (RFC 3464), for us it is a leaf."""
    kind = part.get_content_type()
    if not part.is_multipart():
        yield kind, bytes(part.get_payload(decode=True) or b"").replace(b"\r\n", b"\n")
    elif kind == "message/delivery-status":
        yield kind, b"".join(bytes(group).replace(b"\r\n", b"\n") for group in part.get_payload())
    else:
        for child in part.get_payload():
            yield from _theirs(child)


def _tight(octets: bytes) -> bytes:
    """Python writes the groups of a report anew, with line ends of its own."""
    return b"".join(octets.split())


def _content(letter: bytes, part: Part) -> bytes:
    return content.decoded(letter, part, LIMIT)


def _ours(part: Part) -> Iterator[Part]:
    if not part.children:
        yield part
    for child in part.children:
        yield from _ours(child)


def names(letter: bytes) -> str:
    """Attachments have the names that Python's email shows, once its encoded words are read."""
    parsed = email.message_from_bytes(letter, policy=email.policy.compat32)
    theirs = [_python(name) or name for name in (part.get_filename() for part in parsed.walk()) if name]
    ours = [name for name in (filename(part) for part in _all(mime.parse(letter))) if name]
    return (
        "" if [_blanks(name) for name in ours] == [_blanks(name) for name in theirs] else f"{ours} {theirs}"
    )


def _all(part: Part) -> Iterator[Part]:
    yield part
    for child in part.children:
        yield from _all(child)


def reported(letter: bytes) -> str:
    """A DSN about it, with RET=FULL, has its three parts and both groups of fields for Python's email."""
    about = Reported(number="N" * 26, sender="a@example.org", created=0.0, size=len(letter), ret="FULL")
    failed = Report(
        address="b@example.net", kind="failed", code=550, enhanced="5.1.1", text="No", peer="mx[192.0.2.1]:25"
    )
    made = compose(about, [failed], host="mx.example.org", number="M" * 26, now=NOW, original=letter)
    if made is None:
        return "nobody was told"
    parsed = email.message_from_bytes(made.body, policy=email.policy.compat32)
    kinds = [part.get_content_type() for part in parsed.get_payload()]
    if kinds[:2] != ["text/plain", "message/delivery-status"] or len(kinds) != 3 or parsed.defects:
        return f"{kinds} {parsed.defects}"
    groups = parsed.get_payload()[1].get_payload()
    if [group["Action"] for group in groups] != [None, "failed"]:
        return "the fields for programs are not two groups"
    return "" if len(letter) > FULL_LIMIT or letter in made.body else "the letter came back changed"


_TWO_SUBJECTS = (
    "RFC 5322 3.6: one Subject; the letter is refused with 550 5.6.0 (docs/decisions/mail-and-api.md)"
)
_WRONG_CHARSET = "octets that are no ISO-2022-JP under its name are read as Shift_JIS"
_NO_BOUNDARY = (
    "a multipart without a boundary is text/plain in us-ascii (RFC 2045 5.2), Python keeps its name"
)
_NO_PARTS = (
    "a multipart without parts has one that is empty (RFC 9051 9: body-type-mpart), Python keeps its name"
)
_NO_FIELD = "a line that is no field is passed over in a header, Python begins the body there"
# Name of the letter → why what we do with it is what we want.
DELIBERATE: dict[str, dict[str, str]] = {
    "completed": {"normal-headers-subject-2-subjects": _TWO_SUBJECTS},
    "signed": {
        "normal-headers-subject-2-subjects": _TWO_SUBJECTS,
        "rfc2822-example13": "dkimpy does not know blanks between a name and its colon (RFC 5322 4.5); RFC 6376 3.4.2 drops them",
    },
    "subjects": {
        "normal-headers-subject-folded-mime-incomplete": "RFC 2047 2: no white space inside an encoded word; it stays as it is"
    },
    "parts": {
        "normal-headers-subject-folded-raw-utf-8": _NO_FIELD,
        "normal-headers-subject-raw-utf-8": _NO_FIELD,
        "plain_emails-raw_email_incorrect_header": _NO_FIELD,
        "rfc2822-example13": "blanks before a colon (RFC 5322 4.5), where Python begins the body",
        "mime_emails-raw_email4": "a delimiter line need only begin with the boundary (RFC 2046 5.1.1); Python wants nothing behind it",
        "attachment_emails-attachment_message_rfc822_inline_image": _NO_BOUNDARY,
        "error_emails-bad_date_header2": _NO_PARTS,
        "error_emails-empty_in_reply_to": _NO_PARTS,
        "error_emails-missing_body": _NO_PARTS,
        "error_emails-must_supply_encoding": _NO_PARTS,
    },
    "names": {
        "attachment_emails-attachment_nonascii_filename": "raw UTF-8, which Python does not read",
        "attachment_emails-attachment_with_encoded_name": _WRONG_CHARSET,
        "plain_emails-raw_email8": _WRONG_CHARSET,
    },
}
KINDS: dict[str, Judge] = {
    "scanned": scanned,
    "completed": completed,
    "over SMTP": over_smtp,
    "signed": signed,
    "authors": authors,
    "subjects": subjects,
    "seven bits": seven_bits,
    "reported": reported,
    "read": read,
    "parts": parts,
    "names": names,
}
