"""The mx pod as its own process beside a directory only: every letter waits in the ledger, as while mailbox is away."""

import asyncio
import contextlib
import shutil
import sqlite3
import subprocess
import sys
from hashlib import sha256

import pytest

from tests.integration.directory import LIGHT, DirectoryPod
from tests.integration.mx import MxPod
from tests.servers.dialogue import Dialogue

LETTER = b"From: s@s.example\r\nTo: anna@a.example\r\nSubject: x\r\n\r\nhello\r\n"
LARGE = LETTER + b"x" * 70_000 + b"\r\n"


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    pod = DirectoryPod(tmp_path_factory.mktemp("directory"), **LIGHT)
    pod.start()

    async def people():
        async with pod.admin() as admin:
            await admin.create_tenant("acme")
            await admin.create_domain("acme", "a.example")
            await admin.create_account("anna@a.example", "correct horse")

    asyncio.run(people())
    yield pod
    pod.process.kill()
    pod.process.wait(10)


@pytest.fixture
def launch(directory, tmp_path):
    pods = []

    def start(**settings):
        folder = tmp_path / f"pod{len(pods)}"
        folder.mkdir()
        given = {"YUBIN_DIRECTORY": f"127.0.0.1:{directory.port}", "YUBIN_SENDER_DOMAIN_CHECK": "false"}
        pods.append(MxPod(folder, directory.certificates, **given | settings))
        pods[-1].start()
        return pods[-1]

    yield start
    for pod in pods:
        pod.kill()


def stored(pod):
    """Every letter in the ledger: (its size and SHA-256 as noted, its bytes)."""
    where = f"file:{pod.folder}/ledger.db?mode=ro"
    with contextlib.closing(sqlite3.connect(where, uri=True)) as db:
        return db.execute(
            "SELECT m.id, m.sha256, b.data FROM message m LEFT JOIN body b ON b.message_id = m.id"
        ).fetchall()


@pytest.mark.parametrize("content", [LETTER, LARGE], ids=["ledger", "objects"])
async def test_a_disk_is_full(launch, tmp_path, content):
    """CASES A9: ENOSPC where the letter is written: 452 4.3.1; the process lives, and what was told 250 is whole."""
    pod = launch()
    pod.stop()  # what a new database writes is written
    inject = ["-P", f"{pod.folder}/ledger.db-wal", "-e", "inject=pwrite64:error=ENOSPC:when=40..41"]
    if content is LARGE:
        inject = ["-e", "inject=fsync:error=ENOSPC:when=6"]
    pod.wrap = (shutil.which("strace"), "-f", "-qq", "-o", str(tmp_path / "trace"), *inject)
    pod.start()
    codes = []
    async with pod.session() as talk:
        while (452 not in codes or codes[-1] == 452) and len(codes) < 80:
            reply = await pod.send(talk, content)
            codes.append(reply.code)
            if reply.code == 452:
                assert reply.text.startswith("452 4.3.1")
    assert set(codes) == {250, 452}
    assert codes[-1] == 250
    rows = stored(pod)
    assert len(rows) == codes.count(250)
    for _, digest, body in rows:
        assert body is None or sha256(body).digest() == digest
    if content is LARGE:
        kept = [p.read_bytes() for p in (pod.folder / "objects").rglob("*") if p.is_file()]
        assert {digest for _, digest, _ in rows} <= {sha256(data).digest() for data in kept}
        assert {data[-len(content) :] for data in kept} == {content}


async def test_the_resolver_is_away(launch):
    """CASES D1: nobody is refused because nobody could be asked, and nobody waits for long."""
    pod = launch(YUBIN_SENDER_DOMAIN_CHECK="true")
    async with pod.session() as talk:
        async with asyncio.timeout(10):
            assert (await pod.send(talk, LETTER)).code == 250


async def test_a_load_balancer_speaks_for_its_clients(launch):
    """The address behind a trusted proxy stands in Received; without a header nobody gets in."""
    pod = launch(YUBIN_PROXY_FROM="127.0.0.1")
    reader, writer = await asyncio.open_connection("127.0.0.1", pod.port)
    writer.write(b"PROXY TCP6 2001:db8::7 2001:db8::1 4711 25\r\n")
    assert (await reader.readline()).startswith(b"220 ")
    talk = Dialogue(pod.port)
    talk.reader, talk.writer = reader, writer
    assert (await talk.say("EHLO c.test")).code == 250
    assert (await pod.send(talk, LETTER, "x@other.example")).text.startswith("554 5.7.1")
    assert (await pod.send(talk, LETTER)).code == 250
    writer.close()
    ((_, _, body),) = stored(pod)
    assert b"Received: from c.test ([IPv6:2001:db8::7])\r\n" in body


async def test_one_letter_one_trace(launch, otlp):
    """DESIGN 6: mx.transaction is the root; the directory's look-up and the ledger are below it, and it names the letter."""
    pod = launch(YUBIN_OTLP_ENDPOINT=otlp.endpoint, YUBIN_TRACE_RATIO="1")
    async with pod.session() as talk:
        reply = await pod.send(talk, LETTER)
    number = reply.text.rpartition(" ")[2]
    wanted = {"mx.transaction", "Directory.Lookup", "mailbox.deliver", "ledger.accept"}
    spans = await asyncio.to_thread(otlp.wait_for, lambda found: {s.name for s in found} >= wanted)
    (root,) = [s for s in spans if s.name == "mx.transaction"]
    assert root.attributes["yubin.message"] == number
    assert root.parent_id == ""
    assert {s.name for s in spans if s.trace_id == root.trace_id} >= wanted


@pytest.mark.parametrize(
    ("settings", "variable"),
    [
        ({"YUBIN_HOPS": "10"}, "YUBIN_HOPS"),
        ({"YUBIN_PROXY_FROM": "everybody"}, "YUBIN_PROXY_FROM"),
        ({"YUBIN_SMTP_TLS_KEY": ""}, "YUBIN_SMTP_TLS_KEY"),
        ({"YUBIN_HOSTNAME": None}, "YUBIN_HOSTNAME"),
    ],
)
def test_a_wrong_setting_ends_the_pod_with_its_name(directory, tmp_path, settings, variable):
    """Every mistake names its variable."""
    pod = MxPod(tmp_path, directory.certificates)
    environment = {k: v for k, v in (pod.environment | settings).items() if v}
    done = subprocess.run(
        [sys.executable, "-m", "services.mx"],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert variable in done.stderr
