"""Response codes (RFC 3501 7.1, RFC 9051 7.1, RFC 5530 and each extension's own), as the text between the brackets.

A code without arguments is a constant, one with arguments a function; both give ``str``, which yubin.imap.responses puts
in brackets. ``uid_set`` is how all of them, VANISHED and ESEARCH write many numbers: as ranges, in the given order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from yubin.errors import Exhausted, Failure

ALERT = "ALERT"
READ_ONLY = "READ-ONLY"
READ_WRITE = "READ-WRITE"
TRYCREATE = "TRYCREATE"
PARSE = "PARSE"

# RFC 5530
ALREADYEXISTS = "ALREADYEXISTS"
AUTHENTICATIONFAILED = "AUTHENTICATIONFAILED"
AUTHORIZATIONFAILED = "AUTHORIZATIONFAILED"
CANNOT = "CANNOT"
CLIENTBUG = "CLIENTBUG"
CONTACTADMIN = "CONTACTADMIN"
EXPIRED = "EXPIRED"
EXPUNGEISSUED = "EXPUNGEISSUED"
INUSE = "INUSE"
LIMIT = "LIMIT"
NONEXISTENT = "NONEXISTENT"
NOPERM = "NOPERM"
OVERQUOTA = "OVERQUOTA"
PRIVACYREQUIRED = "PRIVACYREQUIRED"
SERVERBUG = "SERVERBUG"
UNAVAILABLE = "UNAVAILABLE"

CLOSED = "CLOSED"  # RFC 7162 3.2.11
NOMODSEQ = "NOMODSEQ"  # RFC 7162 3.1.2.2
TOOBIG = "TOOBIG"  # RFC 4469 4.2, RFC 7888 4
UIDNOTSTICKY = "UIDNOTSTICKY"  # RFC 4315 3
UNKNOWN_CTE = "UNKNOWN-CTE"  # RFC 3516 4.3
NOTSAVED = "NOTSAVED"  # RFC 5182 2.1
USEATTR = "USEATTR"  # RFC 6154 6
HASCHILDREN = "HASCHILDREN"  # RFC 9051 7.1
COMPRESSIONACTIVE = "COMPRESSIONACTIVE"  # RFC 4978 3
NOTIFICATIONOVERFLOW = "NOTIFICATIONOVERFLOW"  # RFC 5465 5.8

_NEW = "\\*"


def uidvalidity(value: int) -> str:
    return f"UIDVALIDITY {value}"


def uidnext(value: int) -> str:
    return f"UIDNEXT {value}"


def unseen(first: int) -> str:
    """RFC 3501 7.1: the sequence number of the first message that is not seen."""
    return f"UNSEEN {first}"


def permanentflags(names: Iterable[str], *, new: bool = True) -> str:
    """RFC 3501 7.1; ``new``: more keywords may be made."""
    return f"PERMANENTFLAGS ({' '.join([*names, *([_NEW] if new else [])])})"


def highestmodseq(value: int) -> str:
    return f"HIGHESTMODSEQ {value}"


def mailboxid(mailbox_id: str) -> str:
    """RFC 8474 4.1."""
    return f"MAILBOXID ({mailbox_id})"


def appenduid(validity: int, uids: Sequence[int]) -> str:
    """RFC 4315 3, RFC 3502 (MULTIAPPEND has a set)."""
    return f"APPENDUID {validity} {uid_set(uids)}"


def copyuid(validity: int, sources: Sequence[int], targets: Sequence[int]) -> str:
    """RFC 4315 3; "" where nothing was copied: such a code would have no set."""
    return f"COPYUID {validity} {uid_set(sources)} {uid_set(targets)}" if sources else ""


def modified(numbers: Iterable[int]) -> str:
    """RFC 7162 3.1.3: message numbers, or UIDs for UID STORE."""
    return f"MODIFIED {uid_set(numbers)}"


def badevent(names: Iterable[str]) -> str:
    """RFC 5465 5."""
    return f"BADEVENT ({' '.join(names)})"


def capability(names: Iterable[str]) -> str:
    return f"CAPABILITY {' '.join(names)}"


def of(failure: Failure) -> str:
    """What a failure says; a full mailbox (RFC 3463 X.2.2) has a code of its own (RFC 9208 4.3)."""
    if isinstance(failure, Exhausted) and failure.enhanced.endswith(".2.2"):
        return OVERQUOTA
    return failure.imap


def uid_set(numbers: Iterable[int]) -> str:
    """``1:3,7``; neighbours that ascend by one become a range."""
    return ",".join(ranges(numbers))


def ranges(numbers: Iterable[int]) -> Iterator[str]:
    start = last = 0
    for number in numbers:
        if number == last + 1 and start:
            last = number
            continue
        if start:
            yield f"{start}:{last}" if last > start else str(start)
        start = last = number
    if start:
        yield f"{start}:{last}" if last > start else str(start)
