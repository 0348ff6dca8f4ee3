"""NOTIFY (RFC 5465)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from yubin.imap.commands.fetch_items import fetch_att
from yubin.imap.commands.items import Item
from yubin.imap.flaw import Flaw
from yubin.imap.limits import ITEMS
from yubin.imap.parser import Parser

FILTERS = frozenset(
    {"SELECTED", "SELECTED-DELAYED", "INBOXES", "PERSONAL", "SUBSCRIBED", "SUBTREE", "MAILBOXES"}
)
EVENTS: Mapping[str, str] = {  # in upper case → as RFC 5465 5 writes them
    name.upper(): name
    for name in (
        "MessageNew", "MessageExpunge", "FlagChange", "AnnotationChange", "MailboxName", "SubscriptionChange",
        "MailboxMetadataChange", "ServerMetadataChange",
    )
}  # fmt: skip
# RFC 5465 5.1, 5.6, 5.7: the others are for servers with ANNOTATE and METADATA.
OFFERED = ("FlagChange", "MailboxName", "MessageExpunge", "MessageNew", "SubscriptionChange")
BADEVENT = f"BADEVENT ({' '.join(OFFERED)})"  # RFC 5465 8: those that are


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """``filter``: of ``FILTERS``. ``mailboxes``: of SUBTREE and MAILBOXES. ``events``: empty for NONE.

    ``items``: what is told of a new message in the selected mailbox.
    """

    filter: str
    mailboxes: tuple[str, ...] = ()
    events: frozenset[str] = frozenset()
    items: tuple[Item, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Args:
    """``groups``: empty for NOTIFY NONE. ``status``: the present state is wanted too."""

    groups: tuple[Group, ...] = ()
    status: bool = False


def parse(p: Parser) -> Args:
    p.sp()
    if p.took(b"NONE"):
        return Args()
    p.expect(b"SET", "SET or NONE")
    status = p.took(b" STATUS")
    groups: list[Group] = []
    while not groups or (p.sees(b" (")):
        p.sp()
        if len(groups) == ITEMS:
            raise Flaw(f"A list has at most {ITEMS} items", code="LIMIT")
        groups.append(_event_group(p))
    return Args(groups=tuple(groups), status=status)


def _event_group(p: Parser) -> Group:
    p.expect(b"(", "An event group")
    name = p.word("A filter")
    if name not in FILTERS:
        raise Flaw("Unknown filter of NOTIFY")
    p.sp()
    mailboxes: tuple[str, ...] = ()
    if name in {"SUBTREE", "MAILBOXES"}:
        mailboxes = p.listed(p.mailbox, least=1) if p.sees(b"(") else (p.mailbox(),)
        p.sp()
    items: list[Item] = []
    events = frozenset() if p.took(b"NONE") else frozenset(p.listed(lambda: _event(p, items), least=1))
    p.expect(b")", "A parenthesis")
    _consistent(name, events)
    return Group(filter=name, mailboxes=mailboxes, events=events, items=tuple(dict.fromkeys(items)))


def _event(p: Parser, items: list[Item]) -> str:
    name = EVENTS.get(p.word("An event"))
    if name is None:
        raise Flaw("Unknown event of NOTIFY", code=BADEVENT, status="NO")
    if name == "MessageNew" and p.sees(b" ("):
        p.sp()
        items.extend(p.listed(lambda: fetch_att(p), least=1))
    return name


def _consistent(name: str, events: frozenset[str]) -> None:
    """RFC 5465 5.1-5.3: MessageNew and MessageExpunge come together; FlagChange not without them."""
    pair = {"MessageNew", "MessageExpunge"}
    if events & (pair | {"FlagChange"}) and not pair <= events:
        raise Flaw("MessageNew and MessageExpunge go together")
    if name.startswith("SELECTED") and events - pair - {"FlagChange", "AnnotationChange"}:
        raise Flaw("The selected mailbox has message events only")
