"""A submission pod as its own process, beside a directory pod, with SQLite and a folder; certificates made for the test."""

import ssl
from contextlib import asynccontextmanager
from pathlib import Path

from tests.integration.directory import LIGHT, DirectoryPod
from tests.integration.pod import Pod
from tests.servers.dialogue import Dialogue
from tests.servers.ports import free_ports
from yubin.runtime.certificates import issue

ALICE, PASSWORD = "alice@a.example", "correct horse"


class SubmissionPod(Pod):
    name = "submission"

    def __init__(
        self, folder: Path, directory: DirectoryPod, *, wrap=(), nats="nats://127.0.0.1:1", **settings
    ):
        self.directory = directory
        self.starttls, self.tls = free_ports(2)
        (folder / "objects").mkdir(parents=True, exist_ok=True)
        mail = issue(directory.certificates, "mail", ("localhost", "127.0.0.1"))
        self.trust = ssl.create_default_context(cafile=str(mail.ca))
        self.ca = mail.ca
        given = {
            "YUBIN_HOSTNAME": "mail.a.example",
            "YUBIN_SUBMISSION_LISTEN": f"127.0.0.1:{self.starttls}",
            "YUBIN_SUBMISSIONS_LISTEN": f"127.0.0.1:{self.tls}",
            "YUBIN_SMTP_TLS_CERT": str(mail.cert),
            "YUBIN_SMTP_TLS_KEY": str(mail.key),
            "YUBIN_DIRECTORY": f"127.0.0.1:{directory.port}",
            "YUBIN_LEDGER_URL": f"sqlite://{folder}/ledger.db",
            "YUBIN_OBJECTS_URL": f"file://{folder}/objects",
            "YUBIN_NATS_URL": nats,
            "YUBIN_GRACE": "10",
            **settings,
        }
        super().__init__(folder, directory.certificates, "submission.log", given, wrap=wrap)

    @asynccontextmanager
    async def session(self):
        """Behind TLS, logged in."""
        async with Dialogue(self.tls, tls=self.trust) as talk:
            await talk.say("EHLO c.test")
            assert (await talk.login(ALICE, PASSWORD)).code == 235
            yield talk

    async def send(self, talk, content):
        assert (await talk.say(f"MAIL FROM:<{ALICE}>", "RCPT TO:<b@b.example>")).code == 250
        return await talk.letter(content)


async def directory_with_alice(folder: Path) -> DirectoryPod:
    pod = DirectoryPod(folder, **LIGHT)
    pod.start()
    async with pod.admin() as admin:
        await admin.create_tenant("acme")
        await admin.create_domain("acme", "a.example")
        await admin.create_account(ALICE, PASSWORD)
    return pod
