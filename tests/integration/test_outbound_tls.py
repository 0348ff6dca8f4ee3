"""STARTTLS towards other people's servers: opportunistic, never a trap, and demanded where REQUIRETLS says so."""

from __future__ import annotations

import ssl

import pytest

from tests.integration.outbound import claim, content, only, outbound, quick, route
from tests.servers.smtp_sink import EXTENSIONS, Do
from yubin.queue.port import Outcome
from yubin.runtime.certificates import issue, make_ca

TWO = route(["127.0.0.1"], ["127.0.0.2"])


@pytest.fixture
def server_tls(tmp_path) -> ssl.SSLContext:
    """A certificate of a CA that nobody trusts, for the hosts of the route."""
    make_ca(tmp_path)
    pair = issue(tmp_path, "mx", ("mx0.theirs.test", "mx1.theirs.test"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.cert, pair.key)
    return context


def broken_tls() -> ssl.SSLContext:
    """No certificate, no common cipher: every handshake fails."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    return context


async def test_offered_tls_is_used_with_any_certificate(smtp_sink, server_tls):
    """CASES C10: opportunistic: a certificate that nobody vouches for still encrypts; EHLO is said again under TLS."""
    sink = await smtp_sink(tls=server_tls)
    async with outbound(sink.port) as out:
        results = [await out.deliver(), await out.deliver()]
    assert [only(result).outcome for result in results] == [Outcome.DELIVERED] * 2
    assert [letter.tls for letter in sink.letters] == ["TLSv1.3"] * 2
    assert [c.split()[0] for c in sink.commands[:4]] == ["EHLO", "STARTTLS", "EHLO", "MAIL"]
    assert sink.connections == 1


async def test_large_letter_under_tls(smtp_sink, server_tls):
    """A letter of many chunks arrives unharmed under TLS."""
    sink = await smtp_sink(tls=server_tls)
    body = b"Subject: big\r\n\r\n" + b"".join(b"line %d\r\n.\r\n" % n for n in range(60_000))
    async with outbound(sink.port) as out:
        result = await out.deliver(None, content(body))
    assert only(result).outcome is Outcome.DELIVERED
    assert sink.letters[0].body == body


async def test_failed_handshake_is_tried_once_more_in_clear(smtp_sink):
    """A host whose TLS does not work gets the letter in clear on a new connection, as Postfix's "may" does."""
    sink = await smtp_sink(tls=broken_tls())
    async with outbound(sink.port) as out:
        result = await out.deliver()
    assert only(result).outcome is Outcome.DELIVERED
    assert sink.letters[0].tls == ""
    assert sink.connections == 2


async def test_refused_starttls_goes_on_in_clear(smtp_sink, server_tls):
    """STARTTLS that is offered and then refused is no reason to keep an ordinary letter."""
    sink = await smtp_sink(tls=server_tls, script={"starttls": "454 4.7.0 not now"})
    async with outbound(sink.port) as out:
        result = await out.deliver()
    assert only(result).outcome is Outcome.DELIVERED
    assert sink.letters[0].tls == ""
    assert sink.connections == 1


@pytest.mark.parametrize(
    "ready",
    [b"220 go\r\n250 injected\r\n", b"220 go\r\n2", b"220 go\r\n250-\0"],
    ids=["reply", "part", "junk"],
)
async def test_bytes_before_tls_are_discarded_with_the_connection(smtp_sink, server_tls, ready):
    """CASES C12: bytes behind "220 ready" and before TLS close the connection; the letter waits, and is not sent in clear."""
    sink = await smtp_sink(tls=server_tls, script={"starttls": Do(reply=ready)})
    async with outbound(sink.port) as out:
        result = await out.deliver()
    assert only(result).outcome is Outcome.PENDING
    assert sink.letters == []
    assert sink.connections == 1


async def test_silent_handshake_times_out(smtp_sink):
    """A peer that says 220 to STARTTLS and then nothing is left after the handshake's time."""
    sink = await smtp_sink(
        extensions=(*EXTENSIONS, "STARTTLS"), script={"starttls": Do(reply="220 go", hang=True)}
    )
    async with outbound(sink.port, timeouts=quick(tls=0.2)) as out:
        result = await out.deliver(claim(requiretls=True))
    assert (only(result).outcome, only(result).enhanced) == (Outcome.PENDING, "4.7.5")
    assert sink.connections == 1


async def test_requiretls_never_goes_in_clear(smtp_sink, server_tls):
    """CASES C11, RFC 8689: without TLS, or without REQUIRETLS, the letter is returned; clear text is never an answer."""
    plain = await smtp_sink()
    async with outbound(plain.port) as out:
        result = await out.deliver(claim(requiretls=True))
    assert (only(result).outcome, only(result).enhanced) == (Outcome.BOUNCED, "5.7.10")
    unknowing = await smtp_sink(tls=server_tls)
    async with outbound(unknowing.port) as out:
        out.connections.verifying.check_hostname = False
        out.connections.verifying.verify_mode = ssl.CERT_NONE
        result = await out.deliver(claim(requiretls=True))
    assert only(result).outcome is Outcome.BOUNCED
    assert plain.letters == unknowing.letters == []


async def test_requiretls_wants_a_valid_certificate(smtp_sink, server_tls, tmp_path):
    """RFC 8689 4.2.1: a certificate that cannot be verified defers; a valid one and the keyword let the letter through."""
    sink = await smtp_sink(tls=server_tls, extensions=(*EXTENSIONS, "REQUIRETLS"))
    async with outbound(sink.port) as out:
        ordinary = await out.deliver()
        doubtful = await out.deliver(claim(requiretls=True))
        out.connections.verifying.load_verify_locations(make_ca(tmp_path))
        trusted = await out.deliver(claim(requiretls=True))
    assert only(ordinary).outcome is Outcome.DELIVERED
    assert (only(doubtful).outcome, only(doubtful).enhanced) == (Outcome.PENDING, "4.7.5")
    assert only(trusted).outcome is Outcome.DELIVERED
    assert "REQUIRETLS" in sink.letters[-1].mail_params
    assert sink.letters[-1].tls == "TLSv1.3"
    assert len(sink.letters) == 2


async def test_host_without_requiretls_leads_to_the_next(smtp_sink, server_tls, tmp_path):
    """RFC 8689 4.2.1: another MX may support it."""
    first = await smtp_sink(tls=server_tls)
    able = (*EXTENSIONS, "REQUIRETLS")
    second = await smtp_sink(address="127.0.0.2", port=first.port, tls=server_tls, extensions=able)
    async with outbound(first.port) as out:
        out.connections.verifying.load_verify_locations(make_ca(tmp_path))
        result = await out.deliver(claim(requiretls=True), way=TWO)
    assert only(result).outcome is Outcome.DELIVERED
    assert (len(first.letters), len(second.letters)) == (0, 1)
