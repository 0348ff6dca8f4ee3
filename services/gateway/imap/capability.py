"""What this server announces (RFC 9051 6.1.1): one line for each capability, and where it is done. What is here works."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from services.gateway.imap.session import Session

ALWAYS = (
    "IMAP4rev1",  # RFC 3501: states.py
    "IMAP4rev2",  # RFC 9051: the same, once ENABLE has been said
    "LITERAL+",  # RFC 7888: yubin.imap.reader
    "SASL-IR",  # RFC 4959: verbs/authenticate.py
    "ID",  # RFC 2971: verbs/id.py
    "ENABLE",  # RFC 5161: verbs/enable.py
)
INSIDE = (  # only who has logged in needs to know
    "IDLE",  # RFC 2177: verbs/idle.py
    "NAMESPACE",  # RFC 2342: verbs/namespace.py
    "CHILDREN",  # RFC 3348: listing.py
    "LIST-EXTENDED",  # RFC 5258: listing.py
    "LIST-STATUS",  # RFC 5819: verbs/list.py
    "SPECIAL-USE",  # RFC 6154: listing.py
    "CREATE-SPECIAL-USE",  # RFC 6154 3: verbs/create.py
    "STATUS=SIZE",  # RFC 8438: status.py
    "OBJECTID",  # RFC 8474: status.py, verbs/create.py, select.py, yubin.imap.fetch
    "UNSELECT",  # RFC 3691: verbs/unselect.py
    "CONDSTORE",  # RFC 7162 3.1: select.py, updates.py, verbs/fetch.py, verbs/store.py
    "QRESYNC",  # RFC 7162 3.2: qresync.py, updates.py
    "UTF8=ACCEPT",  # RFC 6855: verbs/enable.py, yubin.imap.quoting
    "NOTIFY",  # RFC 5465: notify.py
    "QUOTA",  # RFC 9208: verbs/getquota.py
    "QUOTA=RES-STORAGE",  # RFC 9208 5.1: the same
    "UIDPLUS",  # RFC 4315: verbs/append.py, copy.py, expunge.py
    "MOVE",  # RFC 6851: verbs/move.py
    "MULTIAPPEND",  # RFC 3502: appending.py
    "REPLACE",  # RFC 8508: verbs/replace.py
    "BINARY",  # RFC 3516: yubin.imap.bodies, appending.py
    "ESEARCH",  # RFC 4731: verbs/search.py, results.py
    "SEARCHRES",  # RFC 5182: the same
    "WITHIN",  # RFC 5032: yubin.imap.search
    "PARTIAL",  # RFC 9394: verbs/fetch.py, search.py, sort.py
    "SORT",  # RFC 5256: verbs/sort.py, ordering.py
    "SORT=DISPLAY",  # RFC 5957: the same
    "ESORT",  # RFC 5267 3: the same
    "THREAD=ORDEREDSUBJECT",  # RFC 5256: verbs/thread.py, ordering.py
    "THREAD=REFERENCES",  # the same
    "PREVIEW",  # RFC 8970: yubin.imap.attributes
    "SAVEDATE",  # RFC 8514: yubin.imap.attributes, search
    "UNAUTHENTICATE",  # RFC 8437: verbs/unauthenticate.py
)


def names(session: Session) -> list[str]:
    """In the session's present state."""
    if session.visit is None:
        return [*ALWAYS, *_login(session)]
    found = [*ALWAYS, *INSIDE, f"APPENDLIMIT={session.limits.append}"]  # RFC 7889
    if not session.stream.compressed:
        found.append("COMPRESS=DEFLATE")  # RFC 4978: verbs/compress.py, stream.py
    return found


def mechanisms(session: Session) -> list[str]:
    """None while a password would go in clear (RFC 9051 11.1)."""
    return list(session.house.mechanisms) if may_log_in(session) else []


def may_log_in(session: Session) -> bool:
    return session.connection.tls or session.house.auth_without_tls


def _login(session: Session) -> list[str]:
    starttls = ["STARTTLS"] if session.house.starttls and not session.connection.tls else []
    if not may_log_in(session):
        return [*starttls, "LOGINDISABLED"]
    return [*starttls, *(f"AUTH={name}" for name in mechanisms(session))]
