"""The submission pod as the process that runs in a cluster: durability, faults of the disk, and other people's clients."""

import asyncio
import contextlib
import re
import shutil
import sqlite3
import subprocess
import sys
from uuid import UUID

import pytest
import pytest_asyncio

from tests.integration.submission import ALICE, PASSWORD, SubmissionPod, directory_with_alice
from tests.servers.dialogue import Dialogue
from yubin.ids import parse_number

LETTER = f"From: {ALICE}\r\nTo: b@b.example\r\nSubject: x\r\n\r\nhello\r\n".encode()
LARGE = LETTER + (b"x" * 70 + b"\r\n") * 2000


def tool(name):
    """A missing binary is a failure that says what to install."""
    found = shutil.which(name)
    assert found, f"{name} is not installed; on Debian: apt-get install {name}"
    return found


@pytest_asyncio.fixture
async def launch(tmp_path):
    """Starts a submission pod with settings of its own."""
    directory = await directory_with_alice(tmp_path)
    pods = []

    def start(**settings):
        folder = tmp_path / f"pod{len(pods)}"
        folder.mkdir()
        pod = SubmissionPod(folder, directory, **settings)
        pods.append(pod)
        pod.start()
        return pod

    yield start
    for pod in pods:
        with contextlib.suppress(subprocess.TimeoutExpired):
            pod.stop()
    directory.stop()


def kept(pod):
    """Ids of the messages in the ledger's file."""
    with contextlib.closing(sqlite3.connect(f"file:{pod.folder}/ledger.db?mode=ro", uri=True)) as db:
        return [row[0] for row in db.execute("SELECT id FROM message")]


def number_of(text):
    return parse_number(re.search(r"queued as ([0-9A-Z]{26})", text)[1])


async def test_swaks_and_curl_submit(launch, tmp_path):
    """STARTTLS on 587 and TLS on 465, PLAIN and LOGIN, as other people's programs speak them."""
    pod = launch()
    said = []
    for arguments in (
        ["--port", str(pod.starttls), "--tls", "--auth", "LOGIN"],
        ["--port", str(pod.tls), "--tls-on-connect", "--auth", "PLAIN"],
    ):
        command = [tool("swaks"), "--server", "127.0.0.1", "--ehlo", "c.test", "--from", ALICE, "--to", "b@b.example",
                   "--auth-user", ALICE, "--auth-password", PASSWORD, *arguments]  # fmt: skip
        done = await asyncio.to_thread(
            subprocess.run, command, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        said.append(done.stdout)
    upload = tmp_path / "letter"
    upload.write_bytes(LETTER)
    command = [tool("curl"), "-sSv", f"smtps://127.0.0.1:{pod.tls}/c.test", "--cacert", str(pod.ca), "--mail-from", ALICE,
               "--mail-rcpt", "b@b.example", "--user", f"{ALICE}:{PASSWORD}", "--upload-file", str(upload)]  # fmt: skip
    done = await asyncio.to_thread(
        subprocess.run, command, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    said.append(done.stderr)
    assert sorted(str(number_of(text)) for text in said) == sorted(map(_uuid, kept(pod)))


def _uuid(value):
    return str(UUID(bytes=value) if isinstance(value, bytes) else UUID(value))


async def test_letters_are_accepted_while_nats_is_down(launch):
    """CASES A8: 250s go on; the rows are due when their head start is over, whoever heard of them."""
    pod = launch(nats="nats://127.0.0.1:1")
    async with pod.session() as talk:
        for _ in range(20):
            assert (await pod.send(talk, LETTER)).code == 250
    assert len(kept(pod)) == 20
    assert pod.stop() == 0


def calls(trace):
    """What a thread did, in the order of the end of each call: (name, arguments and result)."""
    found = []
    unfinished = {}
    for line in trace.splitlines():
        m = re.match(r"(\d+)\s+(.*)", line)
        if not m:
            continue
        thread, rest = m.groups()
        if rest.endswith("<unfinished ...>"):
            unfinished[thread] = rest.removesuffix("<unfinished ...>")
            continue
        if resumed := re.match(r"<\.\.\. \w+ resumed>(.*)", rest):
            rest = unfinished.pop(thread, "") + resumed[1]
        if named := re.match(r"(\w+)\((.*)", rest):
            found.append(named.groups())
    return found


@pytest.mark.parametrize("content", [LETTER, LARGE], ids=["row", "object"])
async def test_what_is_on_the_disk_precedes_the_250(launch, tmp_path, content):
    """CASES A2: the ledger's fdatasync (and before it the object's fsync and its folder's) end before "250" is written."""
    trace = tmp_path / "trace"
    pod = launch(
        wrap=(tool("strace"), "-f", "-qq", "-s", "60", "-y", "-o", str(trace), "-e",
              "trace=fsync,fdatasync,write,writev,sendto,sendmsg,rename,renameat,renameat2,link,linkat"),
        YUBIN_AUTH_WITHOUT_TLS="true",
        YUBIN_SUBMISSIONS_LISTEN="",
    )  # fmt: skip
    async with Dialogue(pod.starttls) as talk:
        await talk.say("EHLO c.test")
        await talk.login(ALICE, PASSWORD)
        assert (await pod.send(talk, content)).code == 250
    pod.stop()
    done = calls(trace.read_text())
    (said,) = [i for i, (_, rest) in enumerate(done) if "250 2.0.0 Ok: queued as" in rest]
    begun = next(i for i, (_, rest) in enumerate(done) if "354 End data" in rest)
    between = done[begun:said]
    ledger = [
        i
        for i, (name, rest) in enumerate(between)
        if name in {"fdatasync", "fsync"} and "ledger.db-wal" in rest
    ]
    assert ledger, between
    if content is LARGE:
        objects = [
            i
            for i, (name, rest) in enumerate(between)
            if name in {"fdatasync", "fsync"} and "/objects" in rest
        ]
        assert len(objects) >= 2, between  # the file and its folder
        assert objects[-1] < ledger[0]


async def test_a_disk_that_does_not_sync(launch, tmp_path):
    """CASES A10: EIO from fsync: 451, the pod is unready, and nothing is said to be safe by a second sync."""
    pod = launch(
        wrap=(tool("strace"), "-f", "-qq", "-o", str(tmp_path / "trace"), "-e", "trace=fdatasync", "-e",
              "inject=fdatasync:error=EIO:when=20+"),
        YUBIN_AUTH_WITHOUT_TLS="true",
        YUBIN_SUBMISSIONS_LISTEN="",
    )  # fmt: skip
    codes = []
    async with Dialogue(pod.starttls) as talk:
        await talk.say("EHLO c.test")
        await talk.login(ALICE, PASSWORD)
        for _ in range(40):
            codes.append((await pod.send(talk, LETTER)).code)
            if codes[-2:] == [451, 451]:
                break
    assert codes[-2:] == [451, 451]
    assert set(codes[:-2]) <= {250}
    async with asyncio.timeout(30):
        while pod.metric("yubin_ready") != 0:
            await asyncio.sleep(0.1)
    failed = [line for line in (tmp_path / "trace").read_text().splitlines() if "EIO" in line]
    assert len(failed) == 1, failed
    assert len(kept(pod)) >= codes.count(250)


async def test_a_pod_that_is_told_to_stop_under_load(launch):
    """CASES A15: SIGTERM with letters under way: each ends with 250 or 451, and what heard 250 is in the ledger, once."""
    pod = launch(YUBIN_CONNECTIONS_PER_ADDRESS="500")
    async with contextlib.AsyncExitStack() as stack:
        talks = [await stack.enter_async_context(pod.session()) for _ in range(60)]
        for talk in talks:
            await talk.say(f"MAIL FROM:<{ALICE}>", "RCPT TO:<b@b.example>", "DATA")
            talk.send(LETTER)
        await asyncio.sleep(0.2)
        pod.terminate()
        await asyncio.sleep(0.2)
        async with Dialogue(pod.starttls) as late:
            assert late.greeting.text.startswith("421 4.3.2")
        for talk in talks:
            talk.send(b".\r\n")
        replies = [await talk.reply() for talk in talks]
    assert {reply.code for reply in replies} <= {250, 451}
    assert await asyncio.to_thread(pod.process.wait, 20) == 0
    accepted = [str(number_of(reply.text)) for reply in replies if reply.code == 250]
    assert sorted(accepted) == sorted(map(_uuid, kept(pod)))


@pytest.mark.parametrize(
    ("settings", "variable"),
    [
        ({"YUBIN_SMTP_TLS_CERT": "", "YUBIN_SMTP_TLS_KEY": ""}, "YUBIN_SMTP_TLS_CERT"),
        (
            {"YUBIN_AUTH_WITHOUT_TLS": "true", "YUBIN_SUBMISSION_LISTEN": "0.0.0.0:0"},
            "YUBIN_AUTH_WITHOUT_TLS",
        ),
        ({"YUBIN_RECIPIENTS": "many"}, "YUBIN_RECIPIENTS"),
        ({"YUBIN_LEDGER_URL": None}, "YUBIN_LEDGER_URL"),
    ],
)
async def test_a_wrong_setting_ends_the_pod_with_its_name(launch, settings, variable):
    """Nobody may log in without TLS except on loopback; every mistake names its variable."""
    pod = launch()
    pod.stop()
    environment = {k: v for k, v in (pod.environment | settings).items() if v}
    done = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-m", "services.submission"], env=environment, capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert variable in done.stderr


async def test_secrets_and_bodies_are_not_logged(launch):
    """CASES L8: neither the password nor a word of the letter is in the log; the tracking number is."""
    pod = launch(YUBIN_LOG_LEVEL="debug")
    async with pod.session() as talk:
        reply = await pod.send(talk, LETTER.replace(b"hello", b"xyzzy-body"))
        await talk.login(ALICE, "wrong-xyzzy")
    pod.stop()
    assert re.search(r"queued as (\S+)", reply.text)[1] in pod.log
    assert not [word for word in (PASSWORD, "xyzzy", "AUTH PLAIN") if word in pod.log]


async def test_mail_between_neighbours(launch):
    """CASES I2: refused where nobody is, expanded where a list is; while the directory is away what is known goes on."""
    pod = launch()
    async with pod.directory.admin() as admin:
        await admin.create_account("gone@a.example", PASSWORD)
        await admin.update_account("gone@a.example", moved_to="gone@b.example")
        await admin.create_account("off@a.example", PASSWORD)
        await admin.update_account("off@a.example", enabled=False)
        await admin.put_alias("list@a.example", (ALICE, "off@a.example", "Bob@b.example"))
    async with pod.session() as talk:
        await talk.say(f"MAIL FROM:<{ALICE}>")
        said = [await talk.say(f"RCPT TO:<{who}@a.example>") for who in ("who", "off", "gone", "list")]
        assert [reply.code for reply in said] == [550, 550, 551, 250]
        assert [reply.lines[0][:5] for reply in said[:3]] == ["5.1.1", "5.2.1", "5.1.6"]
        assert "gone@b.example" in said[2].lines[0]
        assert (await talk.letter(LETTER)).code == 250
        assert recipients(pod) == {ALICE, "Bob@b.example"}
        assert (await pod.send(talk, LETTER)).code == 250
        pod.directory.stop()
        await talk.say(f"MAIL FROM:<{ALICE}>")
        assert (await talk.say("RCPT TO:<list@a.example>")).code == 250
        assert (await talk.say("RCPT TO:<another@b.example>")).code == 250
        assert (await talk.say("RCPT TO:<new@c.example>")).code == 451


def recipients(pod):
    with contextlib.closing(sqlite3.connect(f"file:{pod.folder}/ledger.db?mode=ro", uri=True)) as db:
        return {row[0] for row in db.execute("SELECT address FROM recipient")}
