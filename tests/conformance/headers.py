"""Header values with the parse that another good parser gives, held against ours.

Each judge takes a value and that parse, and says "" when we agree, else what we read instead. The other project's
shape is a guide: what its parser means by a value is compared, never how it writes it down.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from yubin.errors import Invalid
from yubin.mail import charset, date, encoded, parameters
from yubin.mail.header import Field, mailboxes, scan
from yubin.mail.message import complete
from yubin.mail.words import query
from yubin.mailboxes.reading import index_words

Judge = Callable[[str, Any], str]


def field_of(value: str, name: str = "X-Value") -> Field:
    """The value as the scanner finds it, in a header of its own."""
    raw = f"{name}:{value}".encode("utf-8", "surrogateescape")
    headers = scan(raw)
    covered = b"".join(raw[f.start : f.end] for f in headers.fields)
    if covered != raw[: headers.end] or not headers.fields:
        raise AssertionError(f"the scanner lost bytes of {value!r}")
    return headers.fields[0]


def scanned(value: str, _expected: Any) -> str:
    """Any value at all: one field, every byte in its place."""
    field = field_of(value)
    return (
        ""
        if field.start == 0 and f"X-Value:{value}".encode().startswith(b"X-Value:" + field.value)
        else "lost"
    )


def address(value: str, expected: Any) -> str:
    """The same addr-specs in the same order; comments, blanks and source routes have no say in an address."""
    wanted = [_plain(a) for a in _addresses(expected)]
    try:
        found = mailboxes(field_of(value).value)
    except Invalid:
        return "refused"
    return "" if found == wanted else f"{found} instead of {wanted}"


def _addresses(expected: Any) -> list[str]:
    groups = expected.get("Group") or [{"addresses": expected.get("List", [])}]
    return [a["address"] for group in groups for a in group["addresses"] if a["address"] is not None]


def _plain(text: str) -> str:
    return re.sub(r"^@[^:]*:", "", re.sub(r"\s+", "", text))


def moment(value: str, expected: Any) -> str:
    """The same second, in UTC."""
    field = field_of(value)
    found = date.parse(encoded.decode(field.text.decode("utf-8", "replace")))
    wanted = _seconds(expected)
    return "" if found == wanted else f"{found} instead of {wanted}"


def received(value: str, expected: Any) -> str:
    """RFC 5321 4.4: the date stands behind the last semicolon. Of Received nothing else is read by us."""
    text = field_of(value, "Received").text.decode("utf-8", "replace").rpartition(";")[2]
    found, wanted = date.parse(text), _seconds((expected or {}).get("date"))
    return "" if found == wanted else f"{found} instead of {wanted}: {text[:60]!r}"


def _seconds(expected: Any) -> float | None:
    if not expected:
        return None
    try:
        day = datetime(
            *(expected[p] for p in ("year", "month", "day", "hour", "minute", "second")), tzinfo=UTC
        )
    except ValueError:  # theirs is no time that exists
        return -1.0
    zone = timedelta(hours=expected["tz_hour"], minutes=expected["tz_minute"])
    return (day + zone if expected["tz_before_gmt"] else day - zone).timestamp()


def unstructured(value: str, expected: Any) -> str:
    """The text that people see; runs of blanks count as one."""
    found = encoded.decode(field_of(value).text.decode("utf-8", "replace"))
    return "" if _blanks(found) == _blanks(expected or "") else f"{found!r} instead of {expected!r}"


def _blanks(text: str) -> str:
    return " ".join(text.split())


def message_id(value: str, expected: Any) -> str:
    """A Message-ID that came is kept byte for byte, and is the one that the rest of the house goes by."""
    raw = f"Message-ID:{value}".encode()
    whole = complete(raw, now=0, number="0", domain="example.org", sender="a@example.org")
    ids = expected or []
    kept = field_of(value, "Message-ID").value in whole.header
    named = all(one in whole.message_id for one in ids) and bool(ids)
    return "" if kept and named else f"{whole.message_id!r} for {ids}"


def content_type(value: str, expected: Any) -> str:
    """The same type, and parameters that people read as the same text; a value of one word is a disposition."""
    octets = field_of(value).value
    found = parameters.content_type(octets) or parameters.disposition(octets)
    if expected is None or found is None:
        return "" if expected is None and found is None else f"{found} instead of {expected}"
    wanted = {
        name: text.strip()
        for name, text in expected.get("attributes") or []
        if not name.endswith("-language")
    }
    kinds = [kind.lower() for kind in (expected["c_type"], expected["c_subtype"]) if kind]
    shown = dict(_shown(name, text) for name, text in found[-1])
    return "" if [*found[:-1]] == kinds and shown == wanted else f"{found} instead of {kinds} {wanted}"


def _shown(name: str, value: bytes) -> tuple[str, str]:
    """RFC 2231 4, and RFC 2047 inside a parameter as mail programs write it."""
    if name.endswith("*"):
        octets, declared = parameters.extended(value)
        return name[:-1], charset.decode(octets, declared or "utf-8").strip()
    return name, (encoded.display(value) if b"=?" in value else value.decode("utf-8", "replace")).strip()


def keywords(value: str, expected: Any) -> str:
    """RFC 5322 3.6.5: whoever searches for one of the phrases finds the letter, encoded or not."""
    letter = f"Keywords:{value}\n\n".encode("utf-8", "surrogateescape")
    header, _ = index_words(letter)
    words = [one for item in expected for one in query(item)]
    missing = [one.text for one in words if not any(word.startswith(one.text) for word in header)]
    return f"not found: {missing}" if missing else ""


_NO_SEMICOLON = "no semicolon divides the parameters (RFC 2045 5.1), so all of it is the value of the first"
_NO_TOKEN = "the name has a character that no token has (RFC 2045 5.1)"
_NO_ADDRESS = (
    "List-… fields (RFC 2369) hold URIs; this parser is for From, Sender and their like, and refuses them"
)
_NO_DATE = "not a date of RFC 5322, not even an obsolete one"
_ZONES = "the other parser does not know the zone (RFC 5322 4.3)"
_CENTURY = "the other parser takes two digits for a year of the nineteenth century (RFC 5322 4.3)"
_NO_WORD = "RFC 2047 2: no white space inside an encoded word; it stays as it is"
_ADJACENT = "a blank that is not in the field is not put into it"
# How a value begins, blanks aside → why we differ on purpose.
DELIBERATE: dict[str, dict[str, str]] = {
    "address": {
        "Pete(A nice \n \\\n": "the backslash quotes the blank behind it, so the comment ends early; read strictly or not at all",
        "<http:": _NO_ADDRESS,
        "<ftp:": _NO_ADDRESS,
        "<mailto:": _NO_ADDRESS,
        "(Use this command": _NO_ADDRESS,
        "NO (posting": _NO_ADDRESS,
        "<a@b.com> =?utf-8?q?Doe?=": "words behind an address are no grammar, and whose address it is must be certain (CASES F5)",
    },
    "date": {
        "20 11 (some": _NO_DATE,
        "4 8 15 16 23 42": _NO_DATE,
        "by 2002:aa7": "a Received field, not a date",
        "Thu, 10 Jul 1997 14:53:31 EST5EDT": "a time zone of POSIX, not of mail",
    },
    "received": {
        "FROM ca-ex-bridge1": _NO_DATE,
        "from TCE-E-7-182-54": _NO_DATE,
        "from pl027.nas934": _NO_DATE,
        "from itrqtnlnq": _NO_DATE,
        "from testintranator": _NO_DATE,
        "from MjA3NDc4Mg": _NO_DATE,
        "from olgisoft.com": _NO_DATE,
        "from [<4124973": _NO_DATE,
        "from [193.220.176.134]": _ZONES,
        "(from vashugins": _ZONES,
        "from snake.corp.yahoo": _CENTURY,
        "from smtp.greyware": _CENTURY,
    },
    "unstructured": {
        "=?iso-8859-1?q?this is": _NO_WORD,
        "=?utf-8?Q?Hello\n": _NO_WORD,
        "=?utf-8?Q?Hello\r\n": _NO_WORD,
        "[SUSPECTED SPAM]=?utf-8?B?VGhpcyBpcyB0aGUgb\n": _NO_WORD,
        "[SUSPECTED SPAM]=?utf-8?B?VGhpcyBpcyB0aGUgb\r\n": _NO_WORD,
        "[SUSPECTED SPAM]": _ADJACENT,
    },
    "content_type": {
        "message/external-body;\n    access-type=mail-server\n": _NO_SEMICOLON,
        "application/x-stuff\n": _NO_SEMICOLON,
        "application/pdf\n": _NO_SEMICOLON,
        'image/jpeg;\n   name="=?iso-8859-1?B?4Q==?= ': "white space between encoded words is none (RFC 2047 6.2)",
        "=": _NO_TOKEN,
        "name=value": _NO_TOKEN,
        "á/é": _NO_TOKEN,
        "malicious/attempt": "the number of a piece, and its asterisks, are of one form only (RFC 2231 3, 4)",
        "text/plain/format": "the second slash is no character of a token (RFC 2045 5.1); what stands before it counts",
        "text/plain; name=": "a parameter whose value is empty is one",
        "test/encoded": "the pieces count up by one (RFC 2231 3); what follows a gap is no part of the value",
    },
    "id": {
        "<>": "an empty Message-ID is kept: what a mail program wrote is not changed where nothing depends on it"
    },
}
KINDS: dict[str, Judge] = {
    "address": address,
    "date": moment,
    "received": received,
    "unstructured": unstructured,
    "id": message_id,
    "content_type": content_type,
    "list": keywords,
}
