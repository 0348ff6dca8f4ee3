"""NOTIFY (RFC 5465)."""

import pytest

from tests.unit.imap.talk import args, flaw
from yubin.imap.commands import notify
from yubin.imap.commands.items import Flags, Uid
from yubin.imap.commands.notify import Group

NEW = frozenset({"MessageNew", "MessageExpunge"})


def test_nothing():
    """RFC 5465 3: no more notices."""
    assert args(b"NOTIFY NONE") == notify.Args()


def test_the_rfcs_examples():
    """RFC 5465 3, 5."""
    assert args(
        b"NOTIFY SET STATUS (selected (MessageNew (uid flags) MessageExpunge)) (subtree Lists NONE)"
    ) == notify.Args(
        status=True,
        groups=(
            Group(filter="SELECTED", events=NEW, items=(Uid(), Flags())),
            Group(filter="SUBTREE", mailboxes=("Lists",)),
        ),
    )
    assert args(
        b'NOTIFY SET (mailboxes (INBOX "a b") (messagenew messageexpunge flagchange mailboxname))'
    ) == notify.Args(
        groups=(
            Group(filter="MAILBOXES", mailboxes=("INBOX", "a b"), events=NEW | {"FlagChange", "MailboxName"}),
        )
    )


@pytest.mark.parametrize("name", ["INBOXES", "PERSONAL", "SUBSCRIBED", "SELECTED-DELAYED"])
def test_every_filter(name):
    """RFC 5465 6."""
    said = args(f"NOTIFY SET ({name} (MessageNew MessageExpunge))".encode())
    assert said.groups == (Group(filter=name, events=NEW),)


@pytest.mark.parametrize(
    "rest",
    [b"", b" SET", b" FOO", b" SET STATUS", b" SET ()", b" SET (FOO NONE)", b" SET (SELECTED)", b" SET (SELECTED ())",
     b" SET (SUBTREE NONE)", b" SET (SELECTED (MessageNew))", b" SET (SELECTED (MessageExpunge))", b" SET (SELECTED (FlagChange))",
     b" SET (SELECTED (MailboxName))", b" SET (SELECTED (MessageNew () MessageExpunge))", b" SET (SELECTED NONE) x", b" NONE x",
     b" SET (MAILBOXES () NONE)"],
)  # fmt: skip
def test_no_notify(rest):
    """RFC 5465 5: MessageNew and MessageExpunge go together, FlagChange with them; SELECTED has no events of mailboxes."""
    assert flaw(b"NOTIFY" + rest).status == "BAD"


def test_an_unknown_event():
    """RFC 5465 8: NO [BADEVENT] with those that there are."""
    said = flaw(b"NOTIFY SET (SELECTED (Foo))")
    assert said.status == "NO"
    assert said.code == "BADEVENT (FlagChange MailboxName MessageExpunge MessageNew SubscriptionChange)"


def test_many_groups():
    """[LIMIT]."""
    assert flaw(b"NOTIFY SET" + b" (SELECTED NONE)" * 1000).code == "LIMIT"
