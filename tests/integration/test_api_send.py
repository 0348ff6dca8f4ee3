"""Sending over HTTP: the letter that is stored, who may send it, and that no text of a request adds to it."""

from __future__ import annotations

import asyncio
import base64
import email
import email.policy

import dkim
import pytest
import structlog

from services.api import http as api_http
from tests.integration.api import System
from yubin.errors import Unavailable
from yubin.ids import parse_number
from yubin.queue.port import Origin, body_name
from yubin.runtime import logs

LETTER = {"from": "alice@example.org", "to": ["bob@dest.test"], "subject": "hi", "text": "How are you?"}


@pytest.fixture
async def system(tmp_path):
    async with System(tmp_path).running() as running:
        await running.populate()
        yield running


@pytest.fixture
async def http(system):
    async with system.client() as client:
        yield client


async def _stored(system, answer):
    assert answer.status_code == 202, answer.text
    return await system.ledger.track(parse_number(answer.json()["number"]))


async def test_a_letter_is_stored_signed_and_numbered(http, system):
    """The tracking number leads to a row; the body has Received, Date, Message-ID, and a DKIM signature that holds."""
    answer = await http.post("/v1/send", json=LETTER | {"subject": "見積書　全角", "text": "こんにちは\n"})
    tracking = await _stored(system, answer)
    (raw,) = await system.letters()
    letter = email.message_from_bytes(raw, policy=email.policy.default)
    assert letter["Subject"] == "見積書　全角"
    assert letter.get_content().strip() == "こんにちは"
    assert answer.json()["number"] in letter["Received"]
    assert letter["Message-ID"] == answer.json()["message_id"]
    assert letter["Date"].datetime is not None
    record = (await system.directory.get_domain("example.org")).dkim[0].text.encode()
    assert dkim.DKIM(raw).verify(dnsfunc=lambda name, timeout=5: record)
    message = tracking.message
    assert (message.origin, message.tenant, message.sender) == (Origin.API, "default", "alice@example.org")
    assert (message.size, message.utf8, message.body_type) == (len(raw), False, "7BIT")


async def test_bcc_is_in_the_envelope_only(http, system):
    """RFC 5322 3.6.3: everybody gets the letter, nobody sees Bcc; one delivery for each domain."""
    letter = LETTER | {
        "to": ["Bob <bob@dest.test>", "eve@other.test"],
        "cc": ["carol@dest.test"],
        "bcc": ["dan@dest.test"],
    }
    tracking = await _stored(system, await http.post("/v1/send", json=letter))
    assert {d.domain: [r.address for r in d.recipients] for d in tracking.deliveries} == {
        "dest.test": ["bob@dest.test", "carol@dest.test", "dan@dest.test"],
        "other.test": ["eve@other.test"],
    }
    (raw,) = await system.letters()
    assert b"dan@" not in raw
    assert b"carol@dest.test" in raw


async def test_a_whole_letter_goes_as_it_is(http, system):
    """``raw``: kept byte for byte but for bare line ends and what submission adds and takes away (CASES E3)."""
    raw = b"From: alice@example.org\nBcc: x@y.org\nSubject: raw\n\nline one\n.dot\n\xff\n"
    await _stored(system, await http.post("/v1/send", json=_raw(raw)))
    (stored,) = await system.letters()
    assert stored.endswith(b"Subject: raw\r\n\r\nline one\r\n.dot\r\n\xff\r\n")
    assert b"x@y.org" not in stored
    assert stored.count(b"\n") == stored.count(b"\r\n")


def _raw(letter: bytes) -> dict[str, object]:
    return {"from": "alice@example.org", "to": ["bob@dest.test"], "raw": base64.b64encode(letter).decode()}


@pytest.mark.parametrize("sender", ["mallory@elsewhere.test", "Alice <alice@example.net>"])
async def test_only_domains_of_ours_may_send(http, sender):
    """CASES F5: 403 for a From that is not ours."""
    refused = await http.post("/v1/send", json=LETTER | {"from": sender})
    assert refused.status_code == 403
    assert "is not a domain of this system" in refused.json()["detail"]


SPOOFED = [
    (b"From: x@elsewhere.test\r\n\r\n", 403),
    (b"From: alice@example.org, x@elsewhere.test\r\n\r\n", 403),
    (b"From: x@acme.test\r\n\r\n", 403),
    (b"From: a@example.org\r\nFrom: x@elsewhere.test\r\n\r\n", 400),
    (b"From: nobody\r\n\r\n", 400),
    (b"From: undisclosed:;\r\n\r\n", 400),
    (b"From: <a@example.org>\r\n" + b"To: x@y.org\r\n" * 5000 + b"\r\n", 413),
]


async def test_a_whole_letter_cannot_speak_for_others(http, system):
    """CASES F5: From in the letter is held to the same rule, another tenant's domain included."""
    await system.directory.create_tenant("acme")
    await system.directory.create_domain("acme", "acme.test")
    for letter, status in SPOOFED:
        assert (await http.post("/v1/send", json=_raw(letter))).status_code == status, letter
    assert await system.letters() == []


HOSTILE = ["x\r\nBcc: v@w.test", "x\nX: y", "x\rX: y", "x\x00y", "x\u2028y", "x\x85y"]


@pytest.mark.parametrize("place", ["from", "to", "cc", "bcc", "reply_to", "subject", "header", "header name"])
async def test_no_field_of_a_request_adds_a_line(http, system, place):
    """CASES E16: CR, LF and their kin in any field that reaches the header or the envelope: 400, nothing stored."""
    for text in HOSTILE:
        refused = await http.post("/v1/send", json=LETTER | _with(place, text))
        assert refused.status_code == 400, refused.text
        assert refused.json()["detail"].isprintable()
    assert await system.letters() == []


def _with(place, text):
    if place == "header":
        return {"headers": {"X-Note": text}}
    if place == "header name":
        return {"headers": {text: "x"}}
    if place in {"from", "subject"}:
        return {place: text if place == "subject" else f"{text} <alice@example.org>"}
    return {place: [f"{text} <bob@dest.test>"]}


NONSENSE = [{"to": []}, {"to": ["nobody"]}, {"to": ["x@" + "l" * 64 + ".test"]}, {"from": "<>"}, {"class": "urgent"}, {"notify": ["never", "delay"]},
     {"notify": ["sometimes"]}, {"raw": "!!"}, {"raw": "aGk="}, {"subject": "x" * 2001}, {"headers": {"Received": "x"}}, {"atachment": "x"}]  # fmt: skip


async def test_what_makes_no_sense_is_refused(http, system):
    """400 and a reason."""
    for change in NONSENSE:
        refused = await http.post("/v1/send", json=LETTER | change)
        assert refused.status_code == 400, change
        assert refused.json()["detail"]
    assert await system.letters() == []


async def test_recipients_of_ours_that_take_no_mail(http, system):
    """CASES I2: 400 that names each with its reason and the first one's code; nobody gets the letter."""
    await system.directory.create_account("gone@example.org", "correct horse")
    await system.directory.update_account("gone@example.org", moved_to="gone@new.test")
    to = {"to": ["x@dest.test", "who@example.org"], "cc": ["gone@example.org"], "bcc": ["alice@example.org"]}
    refused = await http.post("/v1/send", json=LETTER | to)
    assert (refused.status_code, refused.json()["enhanced"]) == (400, "5.1.1")
    assert refused.json()["detail"] == (
        "who@example.org: No such address here; gone@example.org: User not local; please try <gone@new.test>"
    )
    many = await http.post("/v1/send", json=LETTER | {"to": [f"u{n}@example.org" for n in range(900)]})
    assert "u9@example.org: No such address here; and 890 more" in many.json()["detail"]
    assert await system.letters() == []


async def test_a_list_of_ours_is_sent_to_who_is_behind_it(http, system):
    """Each recipient has a row and an outcome of its own; 503 while nobody knows who they are."""
    await system.directory.put_alias("team@example.org", ("alice@example.org", "x@dest.test"))
    tracking = await _stored(system, await http.post("/v1/send", json=LETTER | {"to": ["team@example.org"]}))
    assert {r.address for d in tracking.deliveries for r in d.recipients} == {
        "alice@example.org",
        "x@dest.test",
    }


async def test_a_directory_that_is_away_is_503(http, system, monkeypatch):
    """Worth another try, and nothing was stored."""
    monkeypatch.setattr(system.recipients, "lookup", _away)
    answer = await http.post("/v1/send", json=LETTER)
    assert (answer.status_code, answer.json()["enhanced"]) == (503, "4.3.0")
    assert await system.letters() == []


async def _away(addresses):
    raise Unavailable("a service that this needs is away")


async def test_too_many_recipients(http):
    """429: the limit is a number, not a fault of the letter."""
    to = [f"u{i}@dest.test" for i in range(1001)]
    assert (await http.post("/v1/send", json=LETTER | {"to": to})).status_code == 429


async def test_a_large_letter_rests_in_the_object_store(http, system):
    """Above 64 KiB the body is an object under the message id, and the row has none; above the limit it is refused."""
    tracking = await _stored(
        system,
        await http.post(
            "/v1/send", json=_raw(b"From: alice@example.org\r\n\r\n" + b"x" * 900 + b"\r\n" * 50_000)
        ),
    )
    assert await system.ledger.body(tracking.message.id) is None
    assert len(await system.objects.get(body_name(tracking.message.id))) == tracking.message.size
    huge = b"From: alice@example.org\r\n\r\n" + (b"x" * 70 + b"\r\n") * 75_000
    assert (await http.post("/v1/send", json=_raw(huge))).status_code == 413


async def test_the_same_key_is_the_same_letter(http, system):
    """Idempotency-Key: repeated, also at the same time, one letter; another key or none, another letter."""
    headers = {"idempotency-key": "order 17"}
    first, *others = await asyncio.gather(
        *(http.post("/v1/send", json=LETTER, headers=headers) for _ in range(5))
    )
    again = await http.post("/v1/send", json=LETTER, headers=headers)
    assert {a.json()["number"] for a in (first, *others, again)} == {first.json()["number"]}
    assert len(await system.letters()) == 1
    await http.post("/v1/send", json=LETTER, headers={"idempotency-key": "order 18"})
    await http.post("/v1/send", json=LETTER)
    assert len(await system.letters()) == 3


async def test_a_ledger_that_is_away_is_503(http, system, monkeypatch):
    """CASES A6: no number is told; the client may try again."""

    async def away(letters):
        raise Unavailable("the ledger is away")

    monkeypatch.setattr(system.ledger, "accept", away)
    refused = await http.post("/v1/send", json=LETTER)
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
    assert "number" not in refused.json()


async def test_a_fault_of_ours_tells_nothing(http, system, monkeypatch, capsys):
    """CASES L8: 500 without a cause; the cause goes to the log, the letter's text does not."""

    async def broken(name):
        raise RuntimeError("secret of the database")

    monkeypatch.setattr(system.directory, "get_domain", broken)
    logs.setup("api", "api-1", "debug")
    monkeypatch.setattr(api_http, "log", structlog.get_logger())
    refused = await http.post("/v1/send", json=LETTER | {"text": "private words"})
    assert (refused.status_code, refused.json()["detail"]) == (500, "internal error")
    structlog.reset_defaults()
    logged = "".join(capsys.readouterr())
    assert "secret of the database" in logged
    assert "private words" not in logged
