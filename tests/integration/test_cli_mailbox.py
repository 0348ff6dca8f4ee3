"""`yubin mailbox` as a person uses it, against real pods over TLS: lists, search, letters in from files and out again."""

from __future__ import annotations

import contextlib
import json
import mailbox as peer
import os
import pty
import ssl
import subprocess
import sys
import threading
import time

import httpx
import pytest

from tests.integration.mailbox_tools import TOKEN, town
from tests.integration.pod import ROOT
from yubin.mail import mboxrd
from yubin.mailboxes.port import FIRST

PLAIN = b"Return-Path: <a@b.test>\r\nFrom: A <a@b.test>\r\nTo: c@d.test\r\nSubject: one\r\n\r\nFrom here\r\n>From there\r\n"
ODD = b"Subject: odd\r\n\r\nbare\nends\rand no last one \x00\xff"
LARGE = b"Subject: large\r\n\r\n" + b"0123456789abcdef\r\n" * 170_000
LETTERS = [
    (PLAIN, {"\\Seen", "\\Answered", "$Junk"}, "2001-09-09T01:46:40Z"),
    (ODD, {"\\Flagged"}, "2010-01-01T00:00:00Z"),
    (LARGE, set(), "2026-11-21T21:36:21Z"),
    (PLAIN, {"\\Deleted", "\\Draft"}, "2026-11-21T21:36:22Z"),  # the same octets once more
]


@pytest.fixture(scope="module")
def pods(tmp_path_factory):
    with town(tmp_path_factory.mktemp("town")) as made:
        yield made


@pytest.fixture
def http(pods):
    trust = ssl.create_default_context(cafile=str(pods.house.directory.certificates / "ca.pem"))
    base = f"https://127.0.0.1:{pods.api.port}"
    headers = {"authorization": f"Bearer {TOKEN}"}
    with httpx.Client(base_url=base, headers=headers, verify=trust, trust_env=False) as client:
        yield client


def put(http, address, raw, flags=(), received="", mailbox=1):
    headers = {"content-type": "message/rfc822"}
    query = {"flags": " ".join(flags), "received": received}
    path = f"/v1/accounts/{address}/mailboxes/{mailbox}/messages"
    assert http.post(path, content=raw, headers=headers, params=query).status_code == 201


def contents(http, address):
    """{mailbox: [(octets, flags, received)]}."""
    base = f"/v1/accounts/{address}/mailboxes"
    found = {}
    for box in http.get(base).json()["mailboxes"]:
        page = http.get(f"{base}/{box['id']}/messages", params={"after": 0, "limit": 1000}).json()["messages"]
        found[box["name"]] = [
            (http.get(f"{base}/{box['id']}/messages/{m['uid']}").content, set(m["flags"]), m["received"])
            for m in page
        ]
    return found


def filled(http, pods, name):
    """An account with letters in three mailboxes, one of them with a name that no file may have."""
    address = pods.fresh(name)
    for raw, flags, received in LETTERS:
        put(http, address, raw, flags, received)
    put(http, address, PLAIN, {"work"}, "2020-02-02T02:02:02Z", mailbox=3)
    for mailbox in ("Archive/v1.2 & ごみ箱", "..."):
        made = http.post(f"/v1/accounts/{address}/mailboxes", json={"name": mailbox}).json()
        put(http, address, PLAIN, {"\\Seen"}, "2020-02-02T02:02:02Z", mailbox=made["id"])
    return address


@pytest.mark.parametrize("kind", ["mbox", "maildir"])
def test_out_of_one_account_and_into_another(pods, http, tmp_path, kind):
    """Octet by octet, with flags, dates and mailboxes, what is exported and imported is the same; once more adds nothing.

    The order is that of the file, in a Maildir that of the dates.
    """
    one, two = filled(http, pods, f"one-{kind}"), pods.fresh(f"two-{kind}")
    said = pods.good("mailbox", "export", one, tmp_path / "out", "--format", kind)
    assert "INBOX: 4 letters into" in said
    assert all(path.stat().st_mode & 0o077 == 0 for path in (tmp_path / "out").rglob("*"))
    assert "INBOX: 4 imported" in pods.good("mailbox", "import", two, tmp_path / "out")
    before, after = contents(http, one), contents(http, two)
    assert after == before
    assert len(after) == len(FIRST) + 2
    assert "INBOX: 0 imported, 4 were there already" in pods.good("mailbox", "import", two, tmp_path / "out")
    assert contents(http, two) == before
    pods.good("mailbox", "import", two, tmp_path / "out", "--again")
    assert len(contents(http, two)["INBOX"]) == 8


def test_one_mailbox_into_one_file(pods, http, tmp_path):
    """The file is named as it was asked for, Python reads it, and it is not overwritten by mistake."""
    address = filled(http, pods, "single")
    file = tmp_path / "inbox"
    pods.good("mailbox", "export", address, file, "--mailbox", "inbox")
    with contextlib.closing(peer.mbox(file)) as read:
        assert [m["subject"] for m in read] == ["one", "odd", "large", "one"]
        assert (read[0].get_flags(), read[0]["x-keywords"]) == ("ROA", "$Junk")
        assert read[0].get_from() == "a@b.test Sun Sep  9 01:46:40 2001"
    status, _, err = pods.run("mailbox", "export", address, file, "--mailbox", "INBOX")
    assert (status, "--replace" in err) == (1, True)
    pods.good("mailbox", "export", address, file, "--mailbox", "INBOX", "--replace")
    assert not list(tmp_path.glob("*.part"))
    two = pods.fresh("single-two")
    assert "Archive/Old: 4 imported" in pods.good("mailbox", "import", two, file, "--mailbox", "Archive/Old")


def test_the_peer_reads_our_maildir_and_we_its(pods, http, tmp_path):
    """Python's Maildir finds flags, dates and folders; what it writes comes in with them; a second export adds what is new."""
    address = filled(http, pods, "peer")
    pods.good("mailbox", "export", address, tmp_path / "out", "--format", "maildir")
    read = peer.Maildir(tmp_path / "out")
    assert sorted(m.get_flags() for m in read) == ["", "DT", "F", "RSa"]
    assert min(int(m.get_date()) for m in read) == 1_000_000_000
    assert "Archive.v1&AC4-2 &- &MFQwf3ux-" in read.list_folders()
    assert (tmp_path / "out" / "dovecot-keywords").read_text() == "0 $Junk\n"
    put(http, address, PLAIN)
    assert "INBOX: 1 letter into" in pods.good(
        "mailbox", "export", address, tmp_path / "out", "--format", "maildir"
    )
    its = peer.Maildir(tmp_path / "its")
    letter = peer.MaildirMessage(b"Subject: its\n\nbody\n")
    letter.set_flags("FS")
    letter.set_date(1_500_000_000)
    its.add(letter)
    its.add_folder("Sub.Below").add(b"Subject: below\n\nbody\n")
    two = pods.fresh("peer-two")
    pods.good("mailbox", "import", two, tmp_path / "its")
    found = contents(http, two)
    assert found["INBOX"] == [
        (b"Subject: its\r\n\r\nbody\r\n", {"\\Flagged", "\\Seen"}, "2017-07-14T02:40:00Z")
    ]
    assert found["Sub/Below"][0][0] == b"Subject: below\r\n\r\nbody\r\n"


def test_letters_in_files(pods, http, tmp_path):
    """A single one and a folder of them; dated by what they say."""
    (tmp_path / "a.eml").write_bytes(b"Date: Sat, 21 Nov 2026 21:36:21 +0000\nSubject: a\n\nx\n")
    (tmp_path / "b.eml").write_bytes(b"Subject: b\n\nx\n")
    os.utime(tmp_path / "b.eml", (1e9, 1e9))
    address = pods.fresh("files")
    pods.good("mailbox", "import", address, tmp_path / "a.eml", "--mailbox", "Drafts")
    pods.good("mailbox", "import", address, tmp_path)
    found = contents(http, address)
    assert [received for _, _, received in found["INBOX"]] == ["2026-11-21T21:36:21Z", "2001-09-09T01:46:40Z"]
    assert [raw for raw, _, _ in found["Drafts"]] == [
        b"Date: Sat, 21 Nov 2026 21:36:21 +0000\r\nSubject: a\r\n\r\nx\r\n"
    ]


def test_an_interrupted_import_is_continued(pods, http, tmp_path):
    """The api is killed in the middle and started again: the import waits for it; once more from the start, nothing is there twice."""
    address = pods.fresh("interrupted")
    raws = [f"Subject: {n}\r\n\r\n".encode() + b"x" * 20_000 + b"\r\n" for n in range(150)]
    (tmp_path / "many").write_bytes(
        b"".join(mboxrd.write(raw, received=1e9, flags=frozenset()) for raw in raws)
    )
    seen = []
    thread = threading.Thread(
        target=lambda: seen.append(pods.run("mailbox", "import", address, tmp_path / "many"))
    )
    thread.start()
    inbox = f"/v1/accounts/{address}/mailboxes"
    while http.get(inbox).json()["messages"] < 20:
        time.sleep(0.01)
    pods.api.kill()
    time.sleep(0.3)
    pods.api.start()
    thread.join(60)
    status, out, err = seen[0]
    assert (status, out) == (0, b"INBOX: 150 imported\n") or b"were there already" in out, (out, err)
    assert "I try again in 1 s" in err
    pods.good("mailbox", "import", address, tmp_path / "many")
    assert [raw for raw, _, _ in contents(http, address)["INBOX"]] == raws


def test_broken_letters_are_passed_over(pods, http, tmp_path):
    """Each is named with its reason, the others are there, and the exit status tells; --json too."""
    address = pods.fresh("broken")
    line = b"From a@b.test Sat Nov 21 21:36:21 2026\n"
    good, empty = line + b"Subject: x\n\nbody\n\n", line + b"\n"
    huge = line + b"Subject: huge\n\n" + b"line\n" * (13 * 1024 * 1024 + 500_000) + b"\n"
    (tmp_path / "old.mbox").write_bytes(good + empty + huge + good)
    status, out, err = pods.run("mailbox", "import", address, tmp_path / "old.mbox")
    assert (status, out) == (3, b"INBOX: 2 imported\n2 letters skipped; look above.\n")
    assert "letter 2 at octet" in err
    assert "it is empty" in err
    assert "letter 3 at octet" in err
    assert len(contents(http, address)["INBOX"]) == 2
    status, out, _ = pods.run("mailbox", "import", address, tmp_path / "old.mbox", "--json")
    told = json.loads(out)
    assert (status, told["imported"], told["known"], len(told["skipped"])) == (3, {}, {"INBOX": 2}, 2)


def test_a_full_account(pods, http, tmp_path):
    """It ends with what to do; with a larger quota the same command goes on where it stopped."""
    address = pods.fresh("full")
    pods.good("user", "limits", address, "--quota", "250")
    raw = b"Subject: x\r\n\r\n" + b"x" * 84 + b"\r\n"
    (tmp_path / "some").write_bytes(
        b"".join(mboxrd.write(raw, received=1e9 + n, flags=frozenset()) for n in range(5))
    )
    status, _, err = pods.run("mailbox", "import", address, tmp_path / "some")
    assert status == 1
    assert (
        f"the account is full, after 2 letters: raise the quota with `yubin user limits {address} --quota SIZE`"
        in err
    )
    pods.good("user", "limits", address, "--quota", "1M")
    assert "INBOX: 3 imported, 2 were there already" in pods.good(
        "mailbox", "import", address, tmp_path / "some"
    )


def test_a_person_sees_a_bar(pods, tmp_path):
    """On a terminal: octets, letters, and at the end all of it; standard output stays what a program may read."""
    address = pods.fresh("bar")
    (tmp_path / "x.mbox").write_bytes(mboxrd.write(PLAIN, received=1e9, flags=frozenset()) * 3)
    terminal, side = pty.openpty()
    environ = {
        **os.environ,
        "YUBIN_STATE": str(pods.api.state),
        "TERM": "xterm",
        "COLUMNS": "120",
        "PYTHONPATH": str(ROOT),
    }
    command = [sys.executable, "-m", "yubin.cli.main", "mailbox", "import", address, str(tmp_path / "x.mbox")]
    done = subprocess.run(command, env=environ, stdout=subprocess.PIPE, stderr=side, timeout=60, check=False)
    os.close(side)
    shown = os.read(terminal, 100_000).decode()
    os.close(terminal)
    assert (done.returncode, done.stdout) == (0, b"INBOX: 3 imported\n")
    size = (tmp_path / "x.mbox").stat().st_size
    assert "x.mbox into INBOX" in shown
    assert "3 letters" in shown
    assert f"{size}/{size} bytes" in shown


def test_what_people_see(pods, http, tmp_path):
    """Lists, a page, one letter readable and raw, and search; nothing of a letter reaches the terminal unescaped."""
    address = pods.fresh("see")
    bad = b"From: \x1b[31mE <e@b.test>\r\nSubject: red\x07\r\nDate: Sat, 21 Nov 2026 21:36:21 +0000\r\n\r\nsushi \x1b[2J tonight\r\n"
    put(http, address, bad, (), "2026-11-21T21:36:21Z")
    put(http, address, PLAIN, {"\\Seen", "\\Flagged"}, "2026-11-21T21:36:22Z")
    listed = pods.good("mailbox", "list", address)
    assert [line.split()[:3] for line in listed.splitlines() if "INBOX" in line] == [["INBOX", "2", "1"]]
    assert "2 letters" in listed
    shown = pods.good("mailbox", "show", address)
    assert "2026-11-21 21:36:21  new" in shown
    assert "flagged" in shown
    assert "There are more: give --before 2" in pods.good("mailbox", "show", address, "--limit", "1")
    one = pods.good("mailbox", "show", address, "--uid", "1")
    assert "Date: Sat, 21 Nov 2026 21:36:21 +0000" in one
    assert "sushi \\x1b[2J tonight" in one
    assert "\x1b" not in listed + shown + one
    assert pods.run("mailbox", "show", address, "INBOX", "--uid", "1", "--raw")[1] == bad
    assert json.loads(pods.good("mailbox", "show", address, "--uid", "2", "--json"))["uid"] == 2
    found = pods.good("mailbox", "search", address, "sushi", "toni")
    assert [line.split()[:2] for line in found.splitlines()[1:]] == [["INBOX", "1"]]
    assert "No letter has all of these words." in pods.good("mailbox", "search", address, "sushi", "here")


@pytest.mark.parametrize(
    ("args", "status", "said"),
    [
        (("list", "nobody@a.example"), 1, "there is no such account"),
        (
            ("show", "anna@a.example", "Nowhere"),
            1,
            "there is no mailbox Nowhere; there are: Archive, Drafts, INBOX",
        ),
        (("show", "anna@a.example", "--uid", "99"), 1, "no such letter"),
        (("show", "anna@a.example", "--raw"), 2, "--uid"),
        (("import", "anna@a.example", "EMPTY"), 1, "holds neither a Maildir"),
        (("import", "anna@a.example", "LETTER", "--format", "mbox"), 1, "this is no mbox"),
        (("import", "anna@a.example", "LETTER", "--format", "maildir"), 1, "a Maildir is a folder"),
        (("import", "anna@a.example", "LETTER", "--mailbox", "a//b"), 1, "cannot become the mailbox"),
        (("import", "anna@a.example", "MISSING"), 2, "does not exist"),
        (("import", "nobody@a.example", "LETTER"), 1, "there is no such account"),
        (("export", "anna@a.example", "LETTER/x"), 1, "cannot be written"),
        (("export", "anna@a.example", "x", "--mailbox", "Nowhere"), 1, "there is no mailbox"),
    ],
)
def test_errors_say_what_to_do(pods, tmp_path, args, status, said):
    """One line on standard error, no traceback, and the exit status."""
    (tmp_path / "EMPTY").mkdir()
    (tmp_path / "LETTER").write_bytes(b"Subject: x\n\nx\n")
    paths = {name: str(tmp_path / name) for name in ("EMPTY", "LETTER", "LETTER/x", "MISSING", "x")}
    got, out, err = pods.run("mailbox", *(paths.get(arg, arg) for arg in args))
    assert (got, out) == (status, b""), err
    assert said in " ".join(err.split())
    assert "Traceback" not in err


def test_a_wrong_token(pods, tmp_path):
    """401 says where to look, and nothing was written."""
    (tmp_path / "token").write_text("wrong-token-of-somebody-else")
    status, _, err = pods.run(
        "--token-file", tmp_path / "token", "mailbox", "export", "anna@a.example", tmp_path / "out"
    )
    assert (status, "does not accept the token" in err) == (1, True)
    assert not (tmp_path / "out").exists()


def test_an_account_that_is_removed_takes_its_letters_along(pods, http):
    """While the mailbox pod is away nothing is changed; afterwards all of it goes, and a new account is empty."""
    address = pods.fresh("gone")
    put(http, address, PLAIN)
    pods.house.mailbox.kill()
    try:
        status, _, err = pods.run("user", "remove", address, "--yes")
        assert (status, "nothing was changed" in err) == (1, True)
        assert "disabled" not in pods.good("user", "list")
    finally:
        pods.house.mailbox.start()
    deadline = time.monotonic() + 30  # until the api has found the pod again
    while pods.run("user", "remove", address, "--yes")[0]:
        assert time.monotonic() < deadline
        time.sleep(0.5)
    pods.fresh("gone")
    assert contents(http, address)["INBOX"] == []
