"""The mx pod as its own process; certificates come from the CA of the pods beside it."""

import contextlib
import sqlite3
import ssl
from pathlib import Path

from tests.integration.pod import Pod
from tests.servers.dialogue import Dialogue
from tests.servers.ports import free_ports
from yubin.runtime.certificates import issue


def relay(ours, other):
    """CASES F1: what to say in RCPT TO to get a letter to ``other`` through a server of ``ours``, if it is a careless one."""
    return [
        f"user@{other}",
        f"user@{other.upper()}.",
        f"user@{other}.{ours}.{other}",
        f"user%{other}@{ours}",
        f"user%{other}@[127.0.0.1]",
        f"user@{other}@{ours}",
        f'"user@{other}"@{ours}',
        f'"user%{other}"@{ours}',
        f'"user@{other}"',
        f"@{ours}:user@{other}",
        f"@{ours},@{ours}:user@{other}",
        f"@{other}:user@{ours}",
        f"{other}!user@{ours}",
        f"{other}!user",
        f"{ours}!user@{other}",
        "user@[127.0.0.1]",
        "user@[IPv6:::1]",
        "user@127.0.0.1",
        "user@localhost",
        f"user@mx.{ours}",
        f"user@sub.{ours}",
        f"user@{ours}.{other}",
        f"user@{ours}\\@{other}",
        f'"user\\"@{other}"@{ours}',
        f"user@{ours}%{other}",
        "user",
        f"@{other}",
        "user@",
        " ",
        f"user@{ours}> <user@{other}",
        f"user@{other}>,<user@{ours}",
    ]


class MxPod(Pod):
    name = "mx"

    def __init__(self, folder: Path, certificates: Path, *, wrap=(), **settings):
        (self.port,) = free_ports(1)
        (folder / "objects").mkdir(parents=True, exist_ok=True)
        mail = issue(certificates, "mail", ("localhost", "127.0.0.1"))
        self.trust = ssl.create_default_context(cafile=str(mail.ca))
        self.ca = mail.ca
        given = {
            "YUBIN_HOSTNAME": "mx.a.example",
            "YUBIN_MX_LISTEN": f"127.0.0.1:{self.port}",
            "YUBIN_SMTP_TLS_CERT": str(mail.cert),
            "YUBIN_SMTP_TLS_KEY": str(mail.key),
            "YUBIN_DIRECTORY": "127.0.0.1:1",
            "YUBIN_MAILBOX": "127.0.0.1:1",
            "YUBIN_RESOLVER": "127.0.0.1:1",
            "YUBIN_LEDGER_URL": f"sqlite://{folder}/ledger.db",
            "YUBIN_OBJECTS_URL": f"file://{folder}/objects",
            "YUBIN_NATS_URL": "nats://127.0.0.1:1",
            "YUBIN_GRACE": "10",
            **settings,
        }
        super().__init__(folder, certificates, "mx.log", given, wrap=wrap)

    @contextlib.asynccontextmanager
    async def session(self, *, tls=False):
        async with Dialogue(self.port) as talk:
            await talk.say("EHLO c.test")
            if tls:
                await talk.starttls(self.trust)
                await talk.say("EHLO c.test")
            yield talk

    async def send(self, talk, content, *to, sender="s@s.example"):
        """One transaction; the reply that ends it."""
        reply = await talk.say(f"MAIL FROM:<{sender}>")
        if reply.code != 250:
            return reply
        replies = [await talk.say(f"RCPT TO:<{address}>") for address in to or ["anna@a.example"]]
        if all(reply.code != 250 for reply in replies):
            await talk.say("RSET")
            return replies[0]
        return await talk.letter(content)

    def rows(self):
        """What the ledger's file holds: (recipient, class)."""
        where = f"file:{self.folder}/ledger.db?mode=ro"
        with contextlib.closing(sqlite3.connect(where, uri=True)) as db:
            return db.execute(
                "SELECT r.address, m.klass FROM recipient r JOIN delivery d ON d.id = r.delivery_id"
                " JOIN message m ON m.id = d.message_id ORDER BY r.address"
            ).fetchall()
