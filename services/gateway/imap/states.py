"""Which command is obeyed in which state, by whom, and what may be told behind it (RFC 9051 3, 6, 7.5.1).

EXPUNGE would shift the numbers of what the client asks about, so that it is told behind no FETCH, STORE, SEARCH, SORT and
THREAD by message numbers; with UID it may be (RFC 9051 7.5.1, RFC 5256 3). NOOP and CHECK look for news always, others when
there is a hint or it has been a while (conversation.py).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from services.gateway.imap.replies import BadCommand, Reply
from services.gateway.imap.session import Session, State
from services.gateway.imap.verbs import (
    append,
    authenticate,
    capability,
    check,
    close,
    compress,
    copy,
    create,
    delete,
    enable,
    examine,
    expunge,
    fetch,
    getquota,
    getquotaroot,
    id,  # noqa: A004 - the verb
    idle,
    list,  # noqa: A004 - the verb
    login,
    logout,
    lsub,
    move,
    namespace,
    noop,
    notify,
    rename,
    replace,
    search,
    select,
    setquota,
    sort,
    starttls,
    status,
    store,
    subscribe,
    thread,
    unauthenticate,
    unselect,
    unsubscribe,
)
from yubin.imap.events import Message, Request

Handler = Callable[[Session, Request], Awaitable[Reply]]
Receiver = Callable[[Session, Message], Awaitable[Reply]]


@dataclass(frozen=True, kw_only=True)
class Verb:
    """``receive``: for the first letter of APPEND and REPLACE. ``expunges``: may be told without UID. ``looks``: always.

    ``tells``: not behind SELECT, which has just said what there is: before its OK an EXPUNGE would be of either mailbox.
    """

    handle: Handler
    receive: Receiver | None = None
    expunges: bool = True
    looks: bool = False
    tells: bool = True

    async def run(self, session: Session, event: Request | Message) -> Reply:
        if isinstance(event, Request):
            return await self.handle(session, event)
        if self.receive is None:
            session.reader.refuse()
            raise BadCommand("This command has no letter")
        return await self.receive(session, event)


def _letters(handle: Handler, receive: Receiver) -> Verb:
    return Verb(handle=handle, receive=receive)


def _verb(handle: Handler, *, expunges: bool = True, looks: bool = False, tells: bool = True) -> Verb:
    return Verb(handle=handle, expunges=expunges, looks=looks, tells=tells)


ANY: Mapping[str, Verb] = {
    "CAPABILITY": _verb(capability.handle),
    "NOOP": _verb(noop.handle, looks=True),
    "LOGOUT": _verb(logout.handle),
    "ID": _verb(id.handle),
}
NOT_AUTHENTICATED: Mapping[str, Verb] = {
    **ANY,
    "STARTTLS": _verb(starttls.handle),
    "AUTHENTICATE": _verb(authenticate.handle),
    "LOGIN": _verb(login.handle),
}
AUTHENTICATED: Mapping[str, Verb] = {
    **ANY,
    "ENABLE": _verb(enable.handle),
    "COMPRESS": _verb(compress.handle),
    "UNAUTHENTICATE": _verb(unauthenticate.handle),
    "SELECT": _verb(select.handle, tells=False),
    "EXAMINE": _verb(examine.handle, tells=False),
    "CREATE": _verb(create.handle),
    "DELETE": _verb(delete.handle),
    "RENAME": _verb(rename.handle),
    "SUBSCRIBE": _verb(subscribe.handle),
    "UNSUBSCRIBE": _verb(unsubscribe.handle),
    "LIST": _verb(list.handle),
    "LSUB": _verb(lsub.handle),
    "NAMESPACE": _verb(namespace.handle),
    "STATUS": _verb(status.handle),
    "APPEND": _letters(append.handle, append.receive),
    "IDLE": _verb(idle.handle),
    "NOTIFY": _verb(notify.handle),
    "GETQUOTA": _verb(getquota.handle),
    "GETQUOTAROOT": _verb(getquotaroot.handle),
    "SETQUOTA": _verb(setquota.handle),
}
SELECTED: Mapping[str, Verb] = {
    **AUTHENTICATED,
    "CHECK": _verb(check.handle, looks=True),
    "CLOSE": _verb(close.handle),
    "UNSELECT": _verb(unselect.handle),
    "EXPUNGE": _verb(expunge.handle),
    "SEARCH": _verb(search.handle, expunges=False),
    "SORT": _verb(sort.handle, expunges=False),
    "THREAD": _verb(thread.handle, expunges=False),
    "FETCH": _verb(fetch.handle, expunges=False),
    "STORE": _verb(store.handle, expunges=False),
    "COPY": _verb(copy.handle),
    "MOVE": _verb(move.handle),
    "REPLACE": _letters(replace.handle, replace.receive),
}
TABLE: Mapping[State, Mapping[str, Verb]] = {
    State.NOT_AUTHENTICATED: NOT_AUTHENTICATED,
    State.AUTHENTICATED: AUTHENTICATED,
    State.SELECTED: SELECTED,
    State.LOGOUT: {},
}
