"""The first road: from a mail program's Send to the next server, with programs that others wrote."""

from __future__ import annotations

import email
import email.policy

import dkim
import pytest

from tests.e2e.town import Town, wait


def event_kinds(track) -> set[str]:
    return {event["kind"] for event in track["events"]}


@pytest.mark.parametrize("tls", ["starttls", "tls"])
def test_swaks_hands_in_a_letter_and_it_arrives(town: Town, tls):
    """587 with STARTTLS and 465 with TLS; the certificate is verified; the letter arrives where DNS says, over TLS."""
    number = town.send(
        "friend@accepts.example", "--header", f"Subject: by {tls}", "--body", "Hello.", tls=tls
    )
    envelope, data = town.arrived(lambda e, _d: e.subject == f"by {tls}")
    assert (envelope.sender, envelope.recipients) == ("alice@demo.example", ("friend@accepts.example",))
    assert envelope.tls
    assert number.encode() in data
    assert b"Hello." in data


@pytest.mark.parametrize("tls", ["starttls", "tls"])
def test_msmtp_hands_in_a_letter_and_it_arrives(town: Town, tls):
    """Japanese text comes through byte for byte; what was missing of the header was added."""
    body = "こんにちは。来週の会議について。"
    letter = f"From: bob@demo.example\nTo: a@accepts.example\nSubject: msmtp {tls}\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n{body}\n"
    town.msmtp("a@accepts.example", letter, tls=tls)
    _, data = town.arrived(lambda e, _d: e.subject == f"msmtp {tls}")
    assert body.encode() in data
    parsed = email.message_from_bytes(data)
    assert parsed["Message-ID"]
    assert parsed["Date"]


def test_the_signature_verifies_with_the_key_from_dns(town: Town):
    """DKIM (RFC 6376) as dkimpy sees it, with the key that DNS publishes; one changed byte fails."""
    town.send("friend@accepts.example", "--header", "Subject: signed", "--body", "Pay 100 yen.")
    _, data = town.arrived(lambda e, _d: e.subject == "signed")

    def key(name, timeout=5):
        return b"".join(town.lookup(name.decode().rstrip(".")))

    assert dkim.verify(data, dnsfunc=key)
    assert not dkim.verify(data.replace(b"100 yen", b"900 yen"), dnsfunc=key)


def test_track_tells_the_letters_way(town: Town):
    """The number in the 250 reply leads to times and to the peer's reply."""
    number = town.send("friend@accepts.example", "--header", "Subject: tracked")
    track = wait(
        lambda: (t := town.track(number)) and "delivered" in event_kinds(t) and t, 20, "delivered letter"
    )
    assert event_kinds(track) >= {"accepted", "attempt", "delivered"}
    shown = town.yubin("track", number)
    assert "friend@accepts.example" in shown
    assert "250" in shown


def test_a_refused_recipient_brings_a_report(town: Town):
    """550 from the peer: one DSN (RFC 3464) to the sender, which Python's email parses. CASES I7"""
    number = town.send("nobody@refuses.example", "--header", "Subject: to be refused")
    data = town.report(number)
    report = email.message_from_bytes(data, policy=email.policy.default)
    assert report.get_content_type() == "multipart/report"
    _words, status, original = report.iter_parts()
    fields = status.get_payload()[1]
    assert fields["Action"] == "failed"
    assert fields["Status"] == "5.1.1"
    assert "550" in fields["Diagnostic-Code"]
    assert "Subject: to be refused" in original.as_string()
    assert len(town.reports(number)) == 1
    assert not [e for e, _ in town.all() if "demo.example" in "".join(e.recipients)]  # it never left


def test_a_451_waits_and_is_tried_again(town: Town):
    """A temporary refusal is no failure: the letter stays in the queue, and the next attempt comes by itself."""
    number = town.send("somebody@later.example", "--header", "Subject: later")
    track = wait(
        lambda: (t := town.track(number)) and sum(e["kind"] == "deferred" for e in t["events"]) >= 2 and t,
        30,
        "second attempt",
    )
    assert not event_kinds(track) & {"delivered", "bounced"}
    assert "later.example" in town.yubin("queue", "list")
    town.yubin("queue", "cancel", number)


@pytest.mark.parametrize(
    ("to", "code", "enhanced"),
    [("x@nomail.example", "556", "5.1.10"), ("x@missing.example", "550", "5.1.2")],
)
def test_a_domain_that_takes_no_mail_fails_at_once(town: Town, to, code, enhanced):
    """CASES D1: null MX (RFC 7505) and a domain that does not exist bounce at the first attempt, with their codes."""
    number = town.send(to)
    data = town.report(number)
    report = email.message_from_bytes(data, policy=email.policy.default)
    fields = list(report.iter_parts())[1].get_payload()[1]
    assert fields["Status"] == enhanced
    assert code in fields["Diagnostic-Code"]


def test_somebody_elses_address_is_refused(town: Town):
    """CASES F5: MAIL FROM and From must belong to the account."""
    said = town.swaks("friend@accepts.example", "--from", "bob@demo.example", ok=False)
    assert "553 5.7.1" in said
    said = town.swaks("friend@accepts.example", "--header", "From: bob@demo.example", ok=False)
    assert "553 5.7.1" in said


def test_without_tls_there_is_no_auth(town: Town):
    """CASES F4: AUTH is not offered before TLS, and no letter is taken without it."""
    import subprocess

    port = town.ports["submission"]
    said = subprocess.run(
        ["swaks", "--server", f"localhost:{port}", "--from", "alice@demo.example", "--to", "friend@accepts.example"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert said.returncode != 0
    assert "AUTH" not in said.stdout
    assert "530" in said.stdout


def test_one_letter_to_many_domains_arrives_once_everywhere(town: Town):
    """Each recipient has an outcome of its own; none gets two."""
    to = "a@accepts.example,b@accepts.example,nobody@refuses.example,c@nomail.example"
    number = town.send(to, "--header", "Subject: to many")
    track = wait(lambda: (t := town.track(number)) and _ended(t) and t, 30, "end of every recipient")
    outcomes = {r["address"]: r["outcome"] for d in track["deliveries"] for r in d["recipients"]}
    assert outcomes == {
        "a@accepts.example": "delivered",
        "b@accepts.example": "delivered",
        "nobody@refuses.example": "bounced",
        "c@nomail.example": "bounced",
    }
    got = [r for e, _ in town.all() if e.subject == "to many" for r in e.recipients]
    assert sorted(got) == ["a@accepts.example", "b@accepts.example"]


def _ended(track) -> bool:
    return all(r["outcome"] != "pending" for d in track["deliveries"] for r in d["recipients"])
