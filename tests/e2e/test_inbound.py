"""From port 25, or from another account, to the reader: programs that others wrote at both ends, over TLS."""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from tests.conformance import roundtrip
from tests.e2e.town import Town, wait
from tests.servers import pop3_clients

CLIENTS = {
    "curl": pop3_clients.curl,
    "mpop": pop3_clients.mpop,
    "getmail": pop3_clients.getmail,
    "fetchmail": pop3_clients.fetchmail,
}


def fetched(town: Town, client: str, folder, user: str = "bob") -> list[bytes]:
    """All letters of somebody's maildrop, as one of the programs fetched them; they stay on the server."""
    return CLIENTS[client](
        host="localhost",
        port=town.ports["pop3s"],
        ca=town.ca,
        user=f"{user}@demo.example",
        password=town.password(user),
        folder=folder,
    )


@pytest.mark.parametrize("client", CLIENTS)
def test_a_letter_from_the_world_is_fetched(town: Town, client, tmp_path):
    """From swaks into 25 with STARTTLS; the letter is fetched over POP3S, once, with its Return-Path and our trace field."""
    subject = f"for {client} from outside"
    said = town.outside("bob@demo.example", "--header", f"Subject: {subject}", "--body", "こんにちは。")
    number = re.search(r"250 2\.0\.0 .*?([0-9A-HJKMNP-TV-Z]{26})", said)
    assert number, said
    (letter,) = [one for one in fetched(town, client, tmp_path) if subject.encode() in one]
    assert "こんにちは。".encode() in letter
    assert b"Return-Path: <friend@accepts.example>" in letter
    assert number[1].encode() in letter


def test_one_letter_to_a_local_account_and_two_foreign_domains(town: Town):
    """Alice writes to Bob and to two domains elsewhere in one letter: each gets it once, and Bob's copy never leaves."""
    subject = "to Bob and two others"
    to = "bob@demo.example,one@accepts.example,two@direct.example"
    number = town.send(to, "--header", f"Subject: {subject}", "--body", "Hello, all three.")
    track = wait(lambda: (t := town.track(number)) and _ended(t) and t, 30, "end of every recipient")
    outcomes = {r["address"]: r["outcome"] for d in track["deliveries"] for r in d["recipients"]}
    assert outcomes == dict.fromkeys(to.split(","), "delivered")
    assert [
        letter.count(b"Hello, all three.") for letter in town.inbox("bob") if subject.encode() in letter
    ] == [1]
    elsewhere = Counter(r for e, _ in town.all() if e.subject == subject for r in e.recipients)
    assert elsewhere == {"one@accepts.example": 1, "two@direct.example": 1}


def _ended(track) -> bool:
    return all(r["outcome"] != "pending" for d in track["deliveries"] for r in d["recipients"])


def test_who_is_not_there_is_refused_at_rcpt(town: Town):
    """CASES I2: 550 5.1.1 at RCPT, for an unknown address of ours; nothing is accepted and nobody gets a bounce."""
    said = town.outside("nobody@demo.example", ok=False)
    assert "550 5.1.1" in said
    assert "354" not in said


def test_nobody_relays_through_port_25(town: Town):
    """CASES F1: a stranger's letter to a stranger is refused with 554 5.7.1."""
    said = town.outside("somebody@accepts.example", ok=False)
    assert "554 5.7.1" in said


def test_a_sender_learns_at_once_that_a_colleague_does_not_exist(town: Town):
    """Submission knows our own addresses too: 550 5.1.1 at RCPT instead of a bounce."""
    assert "550 5.1.1" in town.swaks("nobody@demo.example", ok=False)


def test_an_alias_reaches_its_account_and_an_address_elsewhere(town: Town):
    """One letter to an alias: the account's copy is stored, the foreign one leaves, each once."""
    town.yubin("alias", "add", "team@demo.example", "bob@demo.example", "team@accepts.example")
    town.outside("team@demo.example", "--header", "Subject: to the team")
    town.received("bob", b"Subject: to the team")
    envelope, _ = town.arrived(lambda e, _d: e.subject == "to the team")
    assert envelope.recipients == ("team@accepts.example",)
    assert sum(b"Subject: to the team" in one for one in town.inbox("bob")) == 1


def test_a_subaddress_reaches_its_account(town: Town):
    """RFC 5233: bob+shop@ is Bob."""
    town.outside("bob+shop@demo.example", "--header", "Subject: to a subaddress")
    town.received("bob", b"Subject: to a subaddress")


def test_stls_on_110_and_no_password_in_clear(town: Town):
    """Port 110 announces STLS (RFC 2595) and takes no password before it."""
    said = subprocess.run(
        ["curl", "-sv", "--max-time", "30", f"pop3://localhost:{town.ports['pop3']}/",
         "--user", f"bob@demo.example:{town.password('bob')}"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert said.returncode != 0
    assert "STLS" in said.stderr
    over_tls = subprocess.run(
        ["curl", "-s", "--max-time", "30", "--ssl-reqd", "--cacert", town.ca,
         f"pop3://localhost:{town.ports['pop3']}/", "--user", f"bob@demo.example:{town.password('bob')}"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert over_tls.stdout.strip()


def test_a_large_letter_lies_in_the_object_store_and_comes_back_whole(town: Town, tmp_path):
    """A letter above the row limit takes the other road; its bytes are the same."""
    body = tmp_path / "large.txt"
    body.write_text("".join(f"line {n}\n" for n in range(200_000)))
    town.outside("bob@demo.example", "--header", "Subject: large", "--body", f"@{body}")
    letter = town.received("bob", b"Subject: large", timeout=60)
    assert letter.rstrip().endswith(body.read_bytes().replace(b"\n", b"\r\n").rstrip())
    assert list((town.state / "objects").rglob("*mailbox*"))


def test_odd_letters_come_out_as_they_went_in(town: Town):
    """CASES G8, G11, G12: every odd letter of the corpus, in by SMTP and out by RETR, is the same byte for byte."""
    town.account("odd")
    score = roundtrip.run(Path(__file__).parents[1] / "conformance" / "odd", town, "odd")
    assert score.differ == []
    assert score.same >= 100
    assert score.refused == {}


def test_the_metrics_of_every_hop_move(town: Town):
    """One letter in, one out: mx, mailbox and gateway count it."""
    before = {pod: town.metrics(pod) for pod in ("mx", "mailbox", "gateway")}
    town.outside("bob@demo.example", "--header", "Subject: counted")
    town.received("bob", b"Subject: counted")
    for pod, wanted in (("mx", "yubin_mx_letters_total"), ("mailbox", "yubin_mailbox_letters_total"),
                        ("gateway", "yubin_gateway_commands_total")):  # fmt: skip
        assert town.metric(pod, wanted) > 0
        assert town.metrics(pod) != before[pod]
