"""An import's judgement: what is tried again, what is passed over, what ends it, and under which key a letter comes."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from yubin.cli.client import Refused
from yubin.cli.mailbox_import import PATIENCE, Import
from yubin.cli.mailbox_progress import Lines
from yubin.cli.mailbox_source import sources
from yubin.mail.mboxrd import write

FULL = Refused("The mailbox is full", status=429, enhanced="4.2.2")
KEYWORDS = Refused("A mailbox has at most 58 keywords", status=429, enhanced="4.5.3")
AWAY = Refused("cannot be reached")
BUSY = Refused("too many requests are under way; try again", status=503)


@dataclass
class Server:
    """An api with one mailbox; ``answers`` are what it refuses the next uploads with, None: it takes one."""

    answers: list[Refused | None] = field(default_factory=list)
    uploads: list[tuple[dict[str, str], str]] = field(default_factory=list)
    made: list[str] = field(default_factory=lambda: ["INBOX"])

    def get(self, path):
        assert path == "/v1/accounts/a@b.test/mailboxes"
        return {
            "account": "id",
            "mailboxes": [{"name": name, "id": n} for n, name in enumerate(self.made, 1)],
        }

    def post(self, path, body):
        self.made.append(body["name"])

    def upload(self, path, octets, media, *, query, headers):
        answer = self.answers.pop(0) if self.answers else None
        if answer is not None:
            raise answer
        self.uploads.append((query, headers["idempotency-key"]))
        return {"fresh": True}


class Clock:
    now = 0.0

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


@pytest.fixture
def file(tmp_path):
    letters = [
        (b"Subject: a\r\n", {"\\Seen", "work"}),
        (b"Subject: b\r\n", set()),
        (b"Subject: a\r\n", {"od)d"}),
    ]
    data = b"".join(write(raw, received=1e9, flags=frozenset(flags)) for raw, flags in letters)
    (tmp_path / "x").write_bytes(data)
    return tmp_path / "x"


def brought(server, file, into="", **more):
    clock = Clock()
    work = Import(server, "a@b.test", Lines(), sleep=clock.sleep, clock=clock, **more)
    work.run(sources(file), into)
    return work.outcome, clock


def test_the_same_files_have_the_same_keys(file):
    """By octets and by how many like it came before; --again makes others; another mailbox is another matter of the api's."""
    first, second, again = Server(), Server(), Server()
    for server, more in ((first, {}), (second, {}), (again, {"again": True})):
        assert brought(server, file, **more)[0].brought == {"INBOX": 3}
    keys = [[key for _, key in server.uploads] for server in (first, second, again)]
    assert keys[0] == keys[1]
    assert len({*keys[0], *keys[2]}) == 6
    assert all(len(key) <= 200 for key in keys[2])


def test_flags_and_dates_go_along(file):
    """A keyword that no mailbox can have stays behind, and the letter does not."""
    server = Server()
    brought(server, file)
    assert [query["flags"] for query, _ in server.uploads] == ["\\Seen work", "", ""]
    assert {query["received"] for query, _ in server.uploads} == {"2001-09-09T01:46:40+00:00"}
    assert {query["account"] for query, _ in server.uploads} == {"id"}


def test_a_mailbox_is_made_where_there_is_none(file):
    """Once, by its canonical name."""
    server = Server()
    assert brought(server, file, "inbox/old")[0].brought == {"INBOX/old": 3}
    assert server.made == ["INBOX", "INBOX/old"]


def test_a_server_that_is_away_is_waited_for(file, capsys):
    """1 s, 2 s, 4 s …, and what is said of it goes to standard error."""
    outcome, clock = brought(Server([AWAY, BUSY, AWAY]), file)
    assert (outcome.brought, clock.now) == ({"INBOX": 3}, 7.0)
    assert "I try again in 4 s" in capsys.readouterr().err


def test_a_server_that_stays_away(file):
    """After five minutes it ends, and says how to go on."""
    with pytest.raises(Refused, match=r"after 1 letter; run the same command again") as refused:
        brought(Server([None, *[AWAY] * 100]), file)
    assert refused.value.status == 0
    clock = Clock()
    server = Server([AWAY] * 100)
    with pytest.raises(Refused):
        Import(server, "a@b.test", Lines(), sleep=clock.sleep, clock=clock).run(sources(file), "")
    assert PATIENCE - 31 < clock.now <= PATIENCE


def test_what_a_letter_is_refused_for(file):
    """It is passed over, whatever becomes of the others."""
    outcome, _ = brought(Server([Refused("wrong", status=400), Refused("large", status=413)]), file)
    assert ([one.why for one in outcome.skipped], outcome.brought) == (["wrong", "large"], {"INBOX": 1})


def test_a_mailbox_without_room_for_keywords(file):
    """The letter comes with the flags that every mailbox has."""
    server = Server([KEYWORDS])
    assert brought(server, file)[0].brought == {"INBOX": 3}
    assert server.uploads[0][0]["flags"] == "\\Seen"


@pytest.mark.parametrize(
    ("refused", "said"),
    [
        (FULL, "user limits a@b.test --quota"),
        (Refused("does not accept the token", status=401), "does not accept the token"),
        (Refused("this account is gone", status=404), "this account is gone"),
    ],
)
def test_what_concerns_every_letter_ends_it(file, refused, said):
    """At once, with what to do."""
    server = Server([None, refused])
    with pytest.raises(Refused) as ended:
        brought(server, file)
    assert said in ended.value.message
    assert len(server.uploads) == 1


def test_a_name_that_cannot_be_is_said_before_a_letter_is_sent(tmp_path):
    """Whatever came before it."""
    (tmp_path / "a.mbox").write_bytes(write(b"x\r\n", received=1e9, flags=frozenset()))
    (tmp_path / "b%00.mbox").write_bytes(write(b"x\r\n", received=1e9, flags=frozenset()))
    server = Server()
    with pytest.raises(Refused, match="cannot become the mailbox"):
        brought(server, tmp_path)
    assert server.uploads == []
