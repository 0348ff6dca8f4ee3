"""Delivery status notifications, read back by Python's email package, which knows nothing of ours."""

from __future__ import annotations

import email
import email.policy
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yubin.mail.dsn import Notification, Report, Reported, compose, wanted

ORIGINAL = b"From: alice@example.org\r\nTo: bob@example.net\r\nSubject: hi\r\nMessage-ID: <1@example.org>\r\n\r\nthe body\r\n"
ABOUT = Reported(
    number="0123456789ABCDEFGHJKMNPQRS", sender="alice@example.org", created=0.0, size=len(ORIGINAL)
)
FAILED = Report(
    address="bob@example.net",
    kind="failed",
    orcpt="rfc822;Bob@example.net",
    code=550,
    enhanced="5.1.1",
    text="No such user",
    peer="mx.example.net[192.0.2.1]:25",
    last_attempt=60.0,
)
DELAYED = replace(
    FAILED, kind="delayed", code=451, enhanced="4.2.0", text="try later", will_retry_until=432000.0
)


def _compose(about=ABOUT, *reports, original=ORIGINAL) -> Notification | None:
    number = "7ZZZZZZZZZZZZZZZZZZZZZZZZZ"
    return compose(
        about, reports or (FAILED,), host="mx.example.org", number=number, now=100.0, original=original
    )


def _parts(notification: Notification):
    letter = email.message_from_bytes(notification.body, policy=email.policy.default)
    return letter, list(letter.iter_parts())


def _fields(part) -> list[dict[str, str]]:
    return [{k.lower(): str(v) for k, v in group.items()} for group in part.get_payload()]


def test_a_failure_parses_as_rfc_3464():
    """CASES I7: an independent parser finds three parts, and all fields of RFC 3464 2.2 and 2.3."""
    letter, parts = _parts(_compose(replace(ABOUT, envid="Q 1+2")))
    assert letter.get_content_type() == "multipart/report"
    assert letter["content-type"].params["report-type"] == "delivery-status"
    assert [p.get_content_type() for p in parts] == [
        "text/plain",
        "message/delivery-status",
        "text/rfc822-headers",
    ]
    assert not any(part.defects for part in (letter, *parts))
    message, recipient = _fields(parts[1])
    assert message == {
        "original-envelope-id": "Q 1+2",
        "reporting-mta": "dns; mx.example.org",
        "arrival-date": "Thu, 1 Jan 1970 00:00:00 +0000",
        "x-yubin-tracking-number": ABOUT.number,
    }
    assert recipient == {
        "original-recipient": "rfc822; Bob@example.net",
        "final-recipient": "rfc822; bob@example.net",
        "action": "failed",
        "status": "5.1.1",
        "remote-mta": "dns; mx.example.net",
        "diagnostic-code": "smtp; 550 5.1.1 No such user",
        "last-attempt-date": "Thu, 1 Jan 1970 00:01:00 +0000",
    }


def test_its_header_tells_people_and_programs_what_it_is():
    """RFC 3834 5 (Auto-Submitted), RFC 5322 3.6.4 (In-Reply-To); addressed to the reverse-path."""
    notification = _compose()
    letter, _ = _parts(notification)
    assert notification.recipient == "alice@example.org"
    assert letter["To"].addresses[0].addr_spec == "alice@example.org"
    assert letter["From"].addresses[0].addr_spec == "MAILER-DAEMON@mx.example.org"
    assert letter["Auto-Submitted"] == "auto-replied"
    assert letter["In-Reply-To"] == "<1@example.org>"
    assert letter["Subject"] == "Your letter could not be delivered: bob@example.net"


def test_the_words_say_what_happened_what_to_do_and_the_number():
    _, parts = _parts(_compose())
    words = parts[0].get_content()
    for said in (
        "bob@example.net",
        "550 5.1.1 No such user",
        "mx.example.net",
        "This mailbox does not exist",
        ABOUT.number,
    ):
        assert said in words


def test_a_delay_says_until_when():
    """RFC 3464 2.3.9: Will-Retry-Until; the letter need not be sent again."""
    letter, parts = _parts(_compose(ABOUT, DELAYED))
    assert _fields(parts[1])[1]["will-retry-until"] == "Tue, 6 Jan 1970 00:00:00 +0000"
    assert "You need not do anything" in parts[0].get_content()
    assert "not been delivered yet" in letter["Subject"]


@pytest.mark.parametrize("kind", ["failed", "delayed", "delivered", "relayed"])
def test_mail_from_nobody_gets_no_report(kind):
    """CASES I1, RFC 5321 6.1: whatever came of a letter with the null reverse-path, nobody is told."""
    assert _compose(replace(ABOUT, sender=""), replace(FAILED, kind=kind)) is None


@pytest.mark.parametrize(
    ("notify", "told"),
    [
        ((), {"failed", "delayed"}),
        (("NEVER",), set()),
        (("SUCCESS",), {"delivered", "relayed"}),
        (("FAILURE",), {"failed"}),
        (("DELAY",), {"delayed"}),
        (("SUCCESS", "FAILURE", "DELAY"), {"failed", "delayed", "delivered", "relayed"}),
    ],
)
def test_notify_decides_who_is_told_of_what(notify, told):
    """CASES I6, RFC 3461 4.1: NEVER, SUCCESS, FAILURE, DELAY, and what holds without NOTIFY."""
    kinds = ("failed", "delayed", "delivered", "relayed")
    assert {kind for kind in kinds if wanted(kind, frozenset(notify))} == told
    made = {k for k in kinds if _compose(ABOUT, replace(FAILED, kind=k, notify=frozenset(notify)))}
    assert made == told


def test_only_recipients_that_are_owed_a_report_stand_in_it():
    """CASES I6: one of two asked for NEVER; the report names the other only."""
    silent = replace(FAILED, address="carol@example.net", notify=frozenset({"NEVER"}))
    notification = _compose(ABOUT, silent, FAILED)
    assert b"carol" not in notification.body
    assert len(_fields(_parts(notification)[1][1])) == 2


def test_ret_full_returns_a_small_letter():
    """CASES I6, RFC 3461 4.3: RET=FULL gives the letter byte for byte; RET=HDRS, no RET, and a delay its header."""
    full = replace(ABOUT, ret="FULL")
    assert ORIGINAL in _compose(full).body
    _, parts = _parts(_compose(full))
    assert parts[2].get_content_type() == "message/rfc822"
    assert parts[2].get_content()["Subject"] == "hi"
    for notification in (_compose(replace(ABOUT, ret="HDRS")), _compose(), _compose(full, DELAYED)):
        assert b"the body" not in notification.body
        assert b"Subject: hi" in notification.body


@pytest.mark.parametrize(
    "header", [b"Subject: hi\r\n", b"X: y\r\n" * 100_000, b"X: " + b"y" * 1_000_000 + b"\r\n"]
)
def test_a_large_letter_is_not_returned(header):
    """CASES I8: 50 MB with RET=FULL: the header only, cut where it is endless, 50 KB at most in all."""
    original = header + b"\r\n" + b"x" * (50_000_000 - len(header) - 2)
    notification = _compose(replace(ABOUT, ret="FULL", size=len(original)), original=original)
    assert len(notification.body) <= 50_000
    assert b"xxxx" not in notification.body


def test_the_beginning_of_a_letter_is_not_taken_for_the_whole():
    """Where only the first bytes are at hand, RET=FULL gives the header."""
    notification = _compose(replace(ABOUT, ret="FULL", size=10**6), original=ORIGINAL)
    assert b"the body" not in notification.body


def test_a_letter_that_is_gone_is_reported_without_it():
    letter, parts = _parts(_compose(ABOUT, FAILED, original=None))
    assert len(parts) == 2
    assert letter["In-Reply-To"] is None


def test_utf8_addresses_are_reported_in_utf8():
    """CASES I7, RFC 6533: to a sender that uses SMTPUTF8 the global forms, with addresses as they are."""
    about = replace(ABOUT, utf8=True, sender="山田@example.org")
    notification = _compose(about, replace(FAILED, address="佐藤@example.net", orcpt=None))
    assert notification.utf8
    _letter, parts = _parts(notification)
    assert [p.get_content_type() for p in parts][1:] == [
        "message/global-delivery-status",
        "message/global-headers",
    ]
    assert "Final-Recipient: utf-8; 佐藤@example.net".encode() in notification.body
    assert "佐藤@example.net" in parts[0].get_content()


def test_utf8_is_not_used_without_need():
    """An SMTPUTF8 letter with ASCII addresses and header gets a report that every server takes."""
    notification = _compose(replace(ABOUT, utf8=True))
    assert not notification.utf8
    assert notification.body.isascii()


def test_an_address_beyond_ascii_is_encoded_for_an_old_sender():
    """RFC 6533 3: utf-8-addr-xtext, where the report itself must stay ASCII."""
    notification = _compose(ABOUT, replace(FAILED, address="佐@example.net"))
    assert b"Final-Recipient: utf-8; \\x{4F50}@example.net" in notification.body
    assert notification.body_type == "7BIT"


@pytest.mark.parametrize(
    ("kind", "enhanced", "status"),
    [
        ("failed", "2.0.0", "5.0.0"),
        ("failed", "", "5.0.0"),
        ("failed", "4.4.7", "4.4.7"),
        ("delivered", "5.1.1", "2.0.0"),
        ("delayed", "x.y", "4.0.0"),
    ],
)
def test_a_status_never_contradicts_the_action(kind, enhanced, status):
    """CASES C14: ``550 2.0.0 x`` is reported as 5.0.0."""
    notification = _compose(ABOUT, replace(FAILED, kind=kind, enhanced=enhanced))
    assert _fields(_parts(notification)[1][1])[1]["status"] == status


def test_our_own_verdicts_are_not_laid_at_a_peers_door():
    """RFC 3464 2.3.6: without a peer the diagnostic is ours, and there is no Remote-MTA."""
    fields = _fields(
        _parts(_compose(ABOUT, replace(FAILED, peer="", enhanced="5.4.7", text="expired")))[1][1]
    )[1]
    assert fields["diagnostic-code"] == "X-Yubin; 550 5.4.7 expired"
    assert "remote-mta" not in fields


def test_a_thousand_recipients_make_one_report():
    """All stand in the second part; the words speak of fifty."""
    reports = [replace(FAILED, address=f"u{i}@example.net", orcpt=None) for i in range(1000)]
    _, parts = _parts(_compose(ABOUT, *reports))
    assert len(_fields(parts[1])) == 1001
    assert "and 950 more" in parts[0].get_content()


hostile = st.text(max_size=300) | st.sampled_from(
    ["a\r\nBcc: x@y", "x\r\n\r\n--=_yubin_7", "\x1b[31m", "\udc80", "y" * 5000]
)


@given(hostile, hostile, hostile, hostile, hostile, st.booleans())
def test_nothing_a_peer_says_becomes_a_field(text, peer, orcpt, envid, enhanced, utf8):
    """CASES E16, L9: CR, LF, escapes, surrogates, endless words in any text of others leave the structure as it is."""
    report = replace(FAILED, text=text, peer=peer, orcpt=f"rfc822;{orcpt}", enhanced=enhanced)
    about = replace(ABOUT, envid=envid, utf8=utf8)
    plain_letter, plain_parts = _parts(_compose())
    notification = _compose(about, report)
    letter, parts = _parts(notification)
    assert letter.keys() == plain_letter.keys()
    assert len(parts) == 3
    known = {name for group in _fields(plain_parts[1]) for name in group} | {"original-envelope-id"}
    assert {name for group in _fields(parts[1]) for name in group} <= known
    assert b"\x1b" not in notification.body
    assert max(map(len, notification.body.split(b"\r\n"))) <= 998
    assert b"\n" not in notification.body.replace(b"\r\n", b"")
    assert b"\r" not in notification.body.replace(b"\r\n", b"")
