"""NOTIFY (RFC 5465): what a client is told of, whether it idles or not, of the selected mailbox and of all others.

Of the selected mailbox it hears what IDLE tells; with SELECTED-DELAYED nothing is expunged between commands (6.1). Of others
it hears STATUS where messages came, went or changed, and LIST where names or subscriptions did. What happened is the
difference between two lists of the account's mailboxes: the first group whose filter names a mailbox decides (RFC 5465 6).
When more has changed at once than anybody would read, it hears NOTIFICATIONOVERFLOW and nothing from then on (5.8).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import structlog

from services.gateway.imap import selecting, status
from services.gateway.imap.fetching import Fetching
from services.gateway.imap.replies import No
from services.gateway.imap.session import Unintelligible
from services.gateway.imap.watch import EVERYTHING
from yubin.errors import Failure, NotFound
from yubin.imap import codes, listing, responses
from yubin.imap.commands.notify import OFFERED, Args, Group
from yubin.imap.events import Broken
from yubin.imap.responses import UNTAGGED
from yubin.mailboxes.names import SEPARATOR, canonical
from yubin.mailboxes.port import INBOX, JUNK, Mailbox

if TYPE_CHECKING:
    from services.gateway.imap.session import Session

log = structlog.get_logger()
MESSAGES = frozenset({"MessageNew", "MessageExpunge", "FlagChange"})
MANY = 1000  # mailboxes that changed at once
Test = Callable[[str, Mailbox | None, frozenset[str]], bool]  # name, the mailbox of it, subscribed names


async def begin(session: Session, args: Args) -> None:
    """In place of what was asked for before; no groups: nothing more (RFC 5465 3). Raises No [BADEVENT]."""
    if any(not group.events.issubset(OFFERED) for group in args.groups):
        raise No("This event is not offered", codes.badevent(OFFERED))
    if not args.groups:
        session.notify = None
        session.watched().rest()
        return
    made = Notify(args.groups)
    await made.start(session, tell=args.status)
    session.notify = made


class Notify:
    def __init__(self, groups: tuple[Group, ...]) -> None:
        mine = [group for group in groups if group.filter.startswith("SELECTED")]
        self.selected = mine[0] if mine else None
        self._others = [
            (_filter(group), group.events) for group in groups if not group.filter.startswith("SELECTED")
        ]
        self._mailboxes: Mapping[int, Mailbox] = {}
        self._subscribed: frozenset[str] = frozenset()
        self._asks = any("SUBSCRIBED" in group.filter for group in groups) or any(
            "SubscriptionChange" in group.events for group in groups
        )

    async def start(self, session: Session, *, tell: bool) -> None:
        self._mailboxes, self._subscribed = await self._look(session)
        for mailbox in self._mailboxes.values() if tell else ():  # RFC 5465 3: STATUS
            if self._events(mailbox.name, mailbox, self._subscribed) & MESSAGES:
                await self._status(session, mailbox)

    async def listen(self, session: Session, *, idle: bool = False) -> None:
        """Tells what there is and listens on; ``idle``: in IDLE, where EXPUNGE is always allowed."""
        watching = session.watched()
        news = watching.take()
        if session.selected is not None and (idle or self._of_selected()):
            await self._selected(session, news, idle=idle)
        here = session.selected.mailbox.id if session.selected is not None else -1
        if self._others and news - {here}:
            await self._rest(session)
        known = (
            {number: mailbox.modseq for number, mailbox in self._mailboxes.items()} if self._others else {}
        )
        if session.selected is not None and (idle or self._of_selected()):
            known[here] = session.selected.modseq
        watching.listen(known, every=bool(self._others))

    def _of_selected(self) -> bool:
        return self.selected is not None and bool(self.selected.events)

    async def _selected(self, session: Session, news: set[int], *, idle: bool) -> None:
        if news.isdisjoint((session.box.mailbox.id, EVERYTHING)) and not idle:
            return
        delayed = self.selected is not None and self.selected.filter == "SELECTED-DELAYED"
        known = session.box.uids[-1] if session.box.uids else 0
        try:
            await selecting.refresh(session, expunges=idle or not delayed)
            await self._new(session, known)
        except NotFound as gone:
            raise Unintelligible(Broken("The selected mailbox was deleted")) from gone
        except Failure as failure:
            log.info("What is new was not told.", action="imap", why=failure.text)

    async def _new(self, session: Session, known: int) -> None:
        """What the client wants to have of new messages, without asking (RFC 5465 5.2)."""
        uids = session.box.uids
        new = uids[bisect_right(uids, known) :]
        if self.selected is not None and self.selected.items and new:
            await Fetching(session, self.selected.items, uid=True).run(new)

    # ── other mailboxes ──

    async def _rest(self, session: Session) -> None:
        try:
            mailboxes, subscribed = await self._look(session)
        except Failure as failure:  # the next round looks again
            log.info("What is new was not told.", action="imap", why=failure.text)
            return
        before, had = self._mailboxes, self._subscribed
        self._mailboxes, self._subscribed = mailboxes, subscribed
        changed = [m for number, m in mailboxes.items() if m != before.get(number)]
        if len(changed) > MANY:
            session.notify = None
            session.write(responses.ok(UNTAGGED, "Too much has changed", codes.NOTIFICATIONOVERFLOW))
            return
        for number in before.keys() - mailboxes.keys():
            self._gone(session, before[number])
        for mailbox in changed:
            await self._changed(session, before.get(mailbox.id), mailbox)
        for name in sorted(subscribed ^ had):
            self._subscription(session, name)

    async def _look(self, session: Session) -> tuple[Mapping[int, Mailbox], frozenset[str]]:
        mailboxes = {mailbox.id: mailbox for mailbox in await session.account.mailboxes()}
        names = await session.account.subscriptions() if self._asks else ()
        return mailboxes, frozenset(names)

    def _gone(self, session: Session, mailbox: Mailbox) -> None:
        if "MailboxName" in self._events(mailbox.name, mailbox, self._subscribed):
            session.write(listing.list_(mailbox.name, [listing.NONEXISTENT], utf8=session.utf8))

    async def _changed(self, session: Session, old: Mailbox | None, new: Mailbox) -> None:
        events = self._events(new.name, new, self._subscribed)
        if (old is None or old.name != new.name) and "MailboxName" in events:
            oldname = None if old is None else old.name
            session.write(listing.list_(new.name, [], utf8=session.utf8, oldname=oldname))
        if session.selected is not None and session.selected.mailbox.id == new.id:
            return  # RFC 5465 6.1: of the selected mailbox SELECTED tells
        if _happened(old, new) & events:
            await self._status(session, new)

    def _subscription(self, session: Session, name: str) -> None:
        mailbox = next((m for m in self._mailboxes.values() if m.name == name), None)
        if "SubscriptionChange" not in self._events(name, mailbox, self._subscribed):
            return
        attributes = [listing.SUBSCRIBED] if name in self._subscribed else []
        attributes += [] if mailbox is not None else [listing.NONEXISTENT]
        session.write(listing.list_(name, attributes, utf8=session.utf8))

    def _events(self, name: str, mailbox: Mailbox | None, subscribed: frozenset[str]) -> frozenset[str]:
        for test, events in self._others:
            if test(name, mailbox, subscribed):
                return events
        return frozenset()

    async def _status(self, session: Session, mailbox: Mailbox) -> None:
        items = ["MESSAGES", "UIDNEXT", "UIDVALIDITY", "UNSEEN"]
        if session.condstore:
            items.append("HIGHESTMODSEQ")
        session.write(await status.response(session, mailbox, items))
        await session.breathe()


def _happened(old: Mailbox | None, new: Mailbox) -> frozenset[str]:
    """MessageNew, MessageExpunge, FlagChange."""
    if old is None:
        return frozenset({"MessageNew"} if new.messages else ())
    came = new.uidnext > old.uidnext
    found = {"MessageNew"} if came else set()
    if new.messages - (new.uidnext - old.uidnext) < old.messages:
        found.add("MessageExpunge")
    if not found and new.modseq != old.modseq:
        found.add("FlagChange")
    return frozenset(found)


def _filter(group: Group) -> Test:
    """RFC 5465 6."""
    names = {canonical(name) for name in group.mailboxes}
    tests: Mapping[str, Test] = {
        "INBOXES": lambda name, mailbox, _: (
            name == INBOX or (mailbox is not None and mailbox.special_use == JUNK)
        ),
        "PERSONAL": lambda *_: True,
        "SUBSCRIBED": lambda name, _mailbox, subscribed: name in subscribed,
        "SUBTREE": lambda name, *_: any(name == top or name.startswith(top + SEPARATOR) for top in names),
        "MAILBOXES": lambda name, *_: name in names,
    }
    return tests[group.filter]
