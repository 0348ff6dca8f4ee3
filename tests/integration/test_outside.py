"""The pretend outside world: its DNS through the real look-up, its SMTP through other people's clients."""

from __future__ import annotations

import asyncio
import os
import random
import re
import signal
import smtplib
import ssl
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.integration.pod import ROOT
from tests.servers.ports import free_ports
from yubin.cli.outside import outside
from yubin.dns.inward import networks
from yubin.dns.network import NetworkLookup, Terms
from yubin.dns.port import Outcome, Verdict
from yubin.dns.route import Rules, find
from yubin.outside.letters import Letters

LETTER = b"From: a@b.example\r\nSubject: hello\r\n\r\nbody\r\n"


class Outside:
    """`yubin outside` as its own process."""

    def __init__(self, folder: Path) -> None:
        self.store, self.zone = folder / "letters", folder / "extra.zone"
        self.zone.write_text("demo.example. 60 MX 5 mx.demo.example.\nmx.demo.example. 60 A 127.0.0.1\n")
        self.dns, self.smtp = free_ports(2)
        call = "from yubin.cli.outside import outside; outside()"
        options = {
            "dns": f"127.0.0.1:{self.dns}",
            "smtp": f"127.0.0.1:{self.smtp}",
            "store": self.store,
            "zone": self.zone,
        }
        self.process = subprocess.Popen(
            [sys.executable, "-c", call, *(f"--{name}={value}" for name, value in options.items())],
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.lines = [self.process.stdout.readline() for _ in range(6)]

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(10)
        self.process.stdout.close()
        return code

    async def route(self, domain: str):
        rules = Rules(inside=networks("127.0.0.0/8"))
        return await find(domain, self.lookup(), rules, random.Random(1))

    def lookup(self) -> NetworkLookup:
        return NetworkLookup((("127.0.0.1", self.dns),), Terms(timeout=2))

    def client(self) -> smtplib.SMTP:
        return smtplib.SMTP("127.0.0.1", self.smtp, timeout=10)


def _trusting() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    made = Outside(tmp_path_factory.mktemp("outside"))
    yield made
    assert made.stop() == 0


def test_it_says_where_it_is_and_who_lives_there(world):
    """A person reads the addresses and the inhabitants."""
    assert f"DNS 127.0.0.1:{world.dns}, SMTP 127.0.0.1:{world.smtp}" in world.lines[0]
    assert "refuses.example" in "".join(world.lines)


@pytest.mark.parametrize(
    ("domain", "verdict", "first"),
    [
        ("accepts.example", Verdict.OK, "mx1.accepts.example"),
        ("refuses.example", Verdict.OK, "mx.refuses.example"),
        ("later.example", Verdict.OK, "mx.later.example"),
        ("direct.example", Verdict.OK, "direct.example"),
        ("alias.example", Verdict.OK, "mx1.accepts.example"),
        ("日本語.example", Verdict.OK, "mx1.accepts.example"),
        ("backup.example", Verdict.OK, "mx1.backup.example"),
        ("demo.example", Verdict.OK, "mx.demo.example"),
        ("nomail.example", Verdict.NULL_MX, None),
        ("missing.example", Verdict.NO_DOMAIN, None),
        ("gmail.com", Verdict.NO_DOMAIN, None),
    ],
)
async def test_the_zone_has_every_case(world, domain, verdict, first):
    """CASES D1: one domain for each verdict, the extra zone's, and NXDOMAIN for the real world."""
    found = await world.route(domain)
    assert (found.verdict, found.hosts[0].name if found.hosts else None) == (verdict, first)


async def test_customers_of_one_house_share_a_site(world):
    """Several domains with the same hosts are one site."""
    assert {(await world.route(f"{n}.example")).site for n in ("one", "two", "three")} == {"house.example"}


async def test_a_changed_zone_file_is_read_again(world):
    """A new record answers at once; a broken file leaves the records as they were."""
    lookup = world.lookup()
    assert (await lookup.query("key._domainkey.demo.example", "TXT")).outcome is Outcome.NXDOMAIN
    before = world.zone.read_text()
    key = "p=" + "A" * 360
    world.zone.write_text(
        f'{before}key._domainkey.demo.example. 60 TXT "v=DKIM1; k=rsa; " "{key[:200]}" "{key[200:]}"\n'
    )
    answer = await lookup.query("key._domainkey.demo.example", "TXT")
    assert answer.records[0].value == f"v=DKIM1; k=rsa; {key}"
    world.zone.write_text("nonsense nonsense\n")
    assert (await lookup.query("demo.example", "MX")).outcome is Outcome.FOUND
    assert (await lookup.query("accepts.example", "MX")).outcome is Outcome.FOUND
    world.zone.write_text(before)


async def test_what_does_not_fit_into_a_datagram_comes_over_tcp(world):
    """RFC 2181 9: truncated over UDP, whole over TCP."""
    before = world.zone.read_text()
    world.zone.write_text(
        before + "".join(f"many.example. 60 MX {n} host-number-{n}.many.example.\n" for n in range(100))
    )
    assert len((await world.lookup().query("many.example", "MX")).records) == 100
    world.zone.write_text(before)


async def test_octets_that_are_no_query_get_no_reply(world):
    """Rubbish is dropped, and the server goes on."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(
        asyncio.DatagramProtocol, remote_addr=("127.0.0.1", world.dns)
    )
    for octets in (b"", b"\x00", b"\xff" * 600, b"\x00\x01\x81\x80" + b"\x00" * 8):
        transport.sendto(octets)
    transport.close()
    assert (await world.lookup().query("accepts.example", "MX")).outcome is Outcome.FOUND


def test_a_letter_arrives_over_tls_as_it_was_sent(world):
    """Python's own client: STARTTLS, DSN parameters, dots at the beginning of lines."""
    letter = LETTER + b".dot\r\n..two\r\n"
    with world.client() as client:
        client.starttls(context=_trusting())
        client.sendmail(
            "a@b.example", ["u@accepts.example", "v@direct.example"], letter, ["RET=HDRS"], ["NOTIFY=FAILURE"]
        )
    *_, last = Letters(world.store).all()
    assert Letters(world.store).data(last.number) == letter
    assert (last.sender, last.recipients) == ("a@b.example", ("u@accepts.example", "v@direct.example"))
    assert last.tls.startswith("TLSv1.")
    assert (last.parameters.split()[-1], last.recipient_parameters[0]) == ("RET=HDRS", "NOTIFY=FAILURE")


def test_recipients_are_refused_by_their_domain(world):
    """550 5.1.1 and 451 4.7.1, and the others of the same letter are taken."""
    everybody = ["u@accepts.example", "u@refuses.example", "u@later.example"]
    with world.client() as client:
        refused = client.sendmail("a@b.example", everybody, LETTER)
    assert {address: code for address, (code, _) in refused.items()} == {
        "u@refuses.example": 550,
        "u@later.example": 451,
    }
    assert refused["u@refuses.example"][1].startswith(b"5.1.1")
    assert refused["u@later.example"][1].startswith(b"4.7.1")


def test_a_tls_handshake_that_fails_harms_nobody_else(world):
    """A client that does not trust the certificate goes away; the next one is served."""
    with world.client() as client, pytest.raises(ssl.SSLError):
        client.starttls(context=ssl.create_default_context())
    with world.client() as client:
        assert client.ehlo()[0] == 250


def test_swaks_delivers(world):
    """Another stranger's client, pipelined over TLS."""
    done = subprocess.run(
        [
            "swaks",
            "--server",
            f"127.0.0.1:{world.smtp}",
            "--from",
            "s@b.example",
            "--to",
            "w@accepts.example",
            "--tls",
            "--pipeline",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert re.search(r"250 2\.0\.0 Letter \d+ received", done.stdout)


def test_what_was_received_is_listed_and_shown(tmp_path):
    """`yubin outside list` and `show N`: from, to, subject, when, TLS; --store before or after the command."""
    Letters(tmp_path).add(
        b"Subject: \x1b[31mred\r\n\r\nbody \x1b]0;x\x07\r\n",
        {
            "peer": "p",
            "helo": "h",
            "sender": "",
            "recipients": tuple(f"r{n}@x.example" for n in range(5)),
            "tls": "",
        },
    )
    run, store = CliRunner().invoke, str(tmp_path)
    listed = run(outside, ["list", "--store", store])
    shown = run(outside, ["--store", store, "show", "1"])
    raw = run(outside, ["show", "1", "--raw", "--store", store])
    assert "<>" in listed.output
    assert "r0@x.example, r1@x.example, r2@x.example +2" in listed.output
    assert "\x1b" not in listed.output + shown.output
    assert "to        <r4@x.example>" in shown.output
    assert raw.stdout_bytes == Letters(tmp_path).data(1)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["show", "9", "--store", "."], "no letter 9"),
        (["list", "--store", "nowhere"], "is no folder"),
        (["--dns", "here"], "host:port"),
        (["--tls-cert", "pyproject.toml"], "go together"),
    ],
)
def test_an_error_says_what_to_do(arguments, says):
    """A person who errs is told how to go on."""
    done = CliRunner().invoke(outside, arguments)
    assert done.exit_code != 0
    assert says in done.output


def test_the_help_teaches():
    """Examples and the inhabitants are in --help."""
    text = CliRunner().invoke(outside, ["--help"]).output
    assert "anybody@later.example" in text
    assert "yubin outside show 3" in text
