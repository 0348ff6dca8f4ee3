"""Verb → how its arguments are read. What is not here is unknown: BAD."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from yubin.imap.commands import (
    append,
    authenticate,
    compress,
    copy,
    create,
    delete,
    enable,
    expunge,
    fetch,
    getquota,
    getquotaroot,
    id,  # noqa: A004 - the verb
    list,  # noqa: A004 - the verb
    login,
    lsub,
    move,
    nothing,
    notify,
    rename,
    replace,
    search,
    select,
    setquota,
    sort,
    status,
    store,
    subscribe,
    thread,
    unsubscribe,
)
from yubin.imap.parser import Parser

Parse = Callable[[Parser], Any]

VERBS: Mapping[str, Parse] = {
    "CAPABILITY": nothing.parse,  # RFC 9051 6.1.1
    "NOOP": nothing.parse,  # RFC 9051 6.1.2
    "LOGOUT": nothing.parse,  # RFC 9051 6.1.3
    "ID": id.parse,
    "STARTTLS": nothing.parse,  # RFC 9051 6.2.1
    "AUTHENTICATE": authenticate.parse,
    "LOGIN": login.parse,
    "ENABLE": enable.parse,
    "COMPRESS": compress.parse,
    "UNAUTHENTICATE": nothing.parse,  # RFC 8437
    "SELECT": select.parse,
    "EXAMINE": select.parse,
    "CREATE": create.parse,
    "DELETE": delete.parse,
    "RENAME": rename.parse,
    "SUBSCRIBE": subscribe.parse,
    "UNSUBSCRIBE": unsubscribe.parse,
    "LIST": list.parse,
    "LSUB": lsub.parse,
    "NAMESPACE": nothing.parse,  # RFC 9051 6.3.10
    "STATUS": status.parse,
    "APPEND": append.parse,
    "IDLE": nothing.parse,  # RFC 9051 6.3.13
    "NOTIFY": notify.parse,
    "GETQUOTA": getquota.parse,
    "GETQUOTAROOT": getquotaroot.parse,
    "SETQUOTA": setquota.parse,
    "CHECK": nothing.parse,  # RFC 3501 6.4.1
    "CLOSE": nothing.parse,  # RFC 9051 6.4.1
    "UNSELECT": nothing.parse,  # RFC 9051 6.4.2
    "EXPUNGE": expunge.parse,
    "SEARCH": search.parse,
    "SORT": sort.parse,
    "THREAD": thread.parse,
    "FETCH": fetch.parse,
    "STORE": store.parse,
    "COPY": copy.parse,
    "MOVE": move.parse,
    "REPLACE": replace.parse,
}
UID_VERBS = frozenset(
    {"COPY", "EXPUNGE", "FETCH", "MOVE", "REPLACE", "SEARCH", "SORT", "STORE", "THREAD"}
)  # behind UID
LETTERS: Mapping[
    str, Callable[[Parser], append.Args | replace.Args | None]
] = {  # have letters: how they begin
    "APPEND": append.opening,
    "REPLACE": replace.opening,
}
