r"""The names that LIST and LSUB tell (RFC 9051 6.3.9, RFC 5258, RFC 6154, RFC 3501 6.3.9).

A name is a mailbox, or one that somebody subscribed to, or a level above a mailbox that is none itself: that is told with
``\NonExistent`` (``\Noselect`` to who does not know RFC 5258), so that a client which asks level by level finds what
lies below. Who asks for RECURSIVEMATCH hears of names that do not match by themselves, with CHILDINFO.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.gateway.imap import patterns
from yubin.imap import listing as shown
from yubin.imap.commands.list import Args
from yubin.mailboxes.names import SEPARATOR
from yubin.mailboxes.port import Mailbox

if TYPE_CHECKING:
    from services.gateway.imap.session import Session


@dataclass(frozen=True, kw_only=True)
class Name:
    """``mailbox`` is None for a name that is none; ``below``: what of the selection lies below it (CHILDINFO)."""

    name: str
    attributes: tuple[str, ...]
    mailbox: Mailbox | None
    below: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Tree:
    """All names of an account, with those of the levels above."""

    mailboxes: Mapping[str, Mailbox]
    subscribed: frozenset[str]

    def names(self) -> list[str]:
        every = {*self.mailboxes, *self.subscribed}
        return sorted({*every, *(level for name in every for level in above(name))})

    def parents(self) -> set[str]:
        """Of mailboxes that there are."""
        return {level for name in self.mailboxes for level in above(name)}


async def tree(session: Session, *, subscribed: bool) -> Tree:
    mailboxes = {mailbox.name: mailbox for mailbox in await session.account.mailboxes()}
    names = await session.account.subscriptions() if subscribed else ()
    return Tree(mailboxes=mailboxes, subscribed=frozenset(names))


def above(name: str) -> Iterator[str]:
    """The levels above a name."""
    at = name.find(SEPARATOR)
    while at >= 0:
        yield name[:at]
        at = name.find(SEPARATOR, at + 1)


def wants_subscriptions(args: Args) -> bool:
    return "SUBSCRIBED" in args.selection | args.returns


def chosen(tree: Tree, args: Args) -> Iterator[Name]:
    """Names that match one of the patterns and the selection, in order, each once."""
    matches = _matcher(args)
    selects = _selection(tree, args)
    recursive = "RECURSIVEMATCH" in args.selection
    options = tuple(sorted(args.selection & {"SUBSCRIBED", "SPECIAL-USE"}))
    parents = tree.parents()
    over = {level for name in tree.names() if selects(name) for level in above(name)} if recursive else set()
    for name in tree.names():
        if not matches(name):
            continue
        below = options if name in over else ()
        if selects(name) or below:
            mailbox = tree.mailboxes.get(name)
            yield Name(
                name=name, attributes=_attributes(tree, name, args, parents), mailbox=mailbox, below=below
            )


def _matcher(args: Args) -> Callable[[str], bool]:
    every = [patterns.matcher(args.reference + pattern) for pattern in args.patterns]
    return lambda name: any(matches(name) for matches in every)


def _selection(tree: Tree, args: Args) -> Callable[[str], bool]:
    """Without options: what there is, and the levels above it; with options: what has all of them (RFC 5258 3)."""
    there = tree.parents() | tree.mailboxes.keys()

    def selects(name: str) -> bool:
        if "SUBSCRIBED" in args.selection and name not in tree.subscribed:
            return False
        if "SPECIAL-USE" in args.selection:
            return name in tree.mailboxes and bool(tree.mailboxes[name].special_use)
        return "SUBSCRIBED" in args.selection or name in there

    return selects


def _attributes(tree: Tree, name: str, args: Args, parents: set[str]) -> tuple[str, ...]:
    """RFC 9051 7.3.1."""
    mailbox = tree.mailboxes.get(name)
    found: list[str] = []
    if mailbox is None:
        found.append(shown.NONEXISTENT if args.extended else shown.NOSELECT)
    found.append(shown.HASCHILDREN if name in parents else shown.HASNOCHILDREN)
    if wants_subscriptions(args) and name in tree.subscribed:
        found.append(shown.SUBSCRIBED)
    if mailbox is not None and mailbox.special_use:
        found.append(mailbox.special_use)
    return tuple(found)
