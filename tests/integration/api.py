"""The api pod's own parts over real HTTPS, with directory, mailboxes and ledger in memory beside it.

``System.running()`` serves on a free port with a certificate of a CA made for the test. ``System.attempt`` plays a
delivery pod: it claims what is due and ends it as the test says.
"""

from __future__ import annotations

import asyncio
import io
import json
import ssl
import threading
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import httpx
import structlog

from services.api.administration import Directory
from services.api.http import Edge, Limits, application
from services.api.letters import Letters, Rules
from services.api.mailboxes import Mailboxes
from services.api.mailboxes_access import Access
from services.api.mailboxes_removal import Removal
from services.api.openapi import document
from services.api.queue import Queue
from services.api.server import serving
from services.api.tokens import Tokens
from services.directory.administration import DirectoryAdministration
from services.directory.keys import Keys
from services.directory.passwords import Cost, Hasher
from services.directory.recipients import DirectoryRecipients
from services.directory.sealing import Seal
from services.directory.sessions import DirectorySessions
from services.directory.verifiers import Verifiers
from services.mailbox.local import LocalAccount
from services.mailbox.storage import Storage
from yubin.acceptance.accept import Acceptance
from yubin.acceptance.head_start import HeadStart
from yubin.accounts.memory import MemoryAccounts
from yubin.accounts.session import SessionSigner, SessionVerifier
from yubin.dispatch.memory import MemoryDispatch
from yubin.mailboxes.memory import MemoryMailboxes
from yubin.objects.memory import MemoryObjects
from yubin.queue.group import Grouped
from yubin.queue.memory import MemoryLedger
from yubin.queue.port import Outcome, RecipientResult, Result, Selection
from yubin.runtime.certificates import issue

TOKEN = "operator-token-of-the-test"


class System:
    def __init__(self, folder: Path, **limits) -> None:
        self.folder, self.own = folder, issue(folder / "ca", "api")
        accounts = MemoryAccounts()
        self.keys = Keys(accounts, Seal(None))
        self.hasher = Hasher(Cost(passes=1, memory=8, lanes=1), workers=1, queue=10)
        self.directory = DirectoryAdministration(
            accounts,
            self.keys,
            self.hasher,
            Verifiers(self.hasher, b"0123456789abcdef", sealing=True, iterations=4096),
        )
        self.recipients = DirectoryRecipients(accounts)
        signer = SessionSigner(b"0123456789abcdef")
        self.sessions, self.verifier = DirectorySessions(accounts, signer), SessionVerifier([signer.public])
        self.storage = Storage(MemoryMailboxes(), MemoryObjects())
        self.access = Access(self.sessions, self.mailboxes)
        self.ledger, self.objects, self.dispatch = MemoryLedger(), MemoryObjects(), MemoryDispatch()
        self.limits = {"size": 8_000_000, "held": 10_000_000, "requests": 50, "timeout": 5.0} | limits
        self.port = 0

    @asynccontextmanager
    async def running(self):
        acceptance = Acceptance(
            ledger=Grouped(self.ledger),
            objects=self.objects,
            dispatch=self.dispatch,
            keys=self.keys,
            head_start=HeadStart(burst=0, rate=0),
            recipients=self.recipients,
        )
        rules = Rules(hostname="mx.example.org", size=5_000_000, recipients=1000)
        letters = Letters(
            rules=rules,
            domains=self.directory,
            ledger=self.ledger,
            acceptance=acceptance,
            recipients=self.recipients,
        )
        removal = Removal(self.access, self.directory)
        routes = [
            *Directory(self.directory, removal).routes(),
            *letters.routes(),
            *Queue(self.ledger).routes(),
            *Mailboxes(self.access).routes(),
        ]
        app = application(routes, Edge(Tokens(TOKEN), Limits(**self.limits)), document(routes, "0"))
        pair = (self.own.cert, self.own.key)
        async with serving(app, "127.0.0.1", 0, certificate=pair, grace=20) as self.port:
            yield self
        self.hasher.close()

    def mailboxes(self, session) -> LocalAccount:
        """Of whom the session is."""
        claims = self.verifier.check(session())
        return LocalAccount(claims.account, claims.quota, self.storage)

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    def client(self, authorization: bytes = b"Bearer " + TOKEN.encode()) -> httpx.AsyncClient:
        trust = ssl.create_default_context(cafile=str(self.own.ca))
        headers = [(b"authorization", authorization)]
        return httpx.AsyncClient(base_url=self.url, headers=headers, verify=trust, trust_env=False)

    async def populate(self) -> None:
        await self.directory.create_tenant("default")
        await self.directory.create_domain("default", "example.org")
        await self.directory.create_account("alice@example.org", "correct horse")

    async def attempt(
        self, outcome: Outcome, code: int, enhanced: str, text: str, peer="mx.dest.test[192.0.2.1]:25"
    ):
        """One attempt at everything that is due; every recipient ends alike."""
        site = await self.ledger.due_sites(100)
        for claim in await self.ledger.claim_due(dict.fromkeys(site, 100), owner="test", lease=60):
            results = tuple(
                RecipientResult(n=r.n, outcome=outcome, code=code, enhanced=enhanced, text=text)
                for r in claim.recipients
            )
            result = Result(
                delivery_id=claim.delivery_id, epoch=claim.epoch, site="dest", recipients=results, peer=peer
            )
            await self.ledger.finish([result])

    async def letters(self) -> list[bytes]:
        """The bodies of all letters that are in the ledger's rows."""
        rows = await self.ledger.list(Selection(), limit=1000)
        bodies = [await self.ledger.body(i) for i in dict.fromkeys(row.message_id for row in rows)]
        return [body for body in bodies if body is not None]

    def profile(self) -> None:
        """What `yubin up` writes."""
        (self.folder / "token").write_text(TOKEN + "\n")
        ca = json.dumps(str(self.own.ca))
        (self.folder / "cli.toml").write_text(f'api = "{self.url}"\ntoken_file = "token"\nca = {ca}\n')


@contextmanager
def beside(system: System):
    """The system on a loop of its own, for the yubin command, which waits; yields ``run(coroutine)``."""
    structlog.configure(
        logger_factory=structlog.PrintLoggerFactory(io.StringIO())
    )  # standard output is the command's
    loop, up, stop = asyncio.new_event_loop(), threading.Event(), asyncio.Event()

    async def life() -> None:
        async with system.running():
            await system.populate()
            system.profile()
            up.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(life()))
    thread.start()
    try:
        assert up.wait(20)
        yield lambda work: asyncio.run_coroutine_threadsafe(work, loop).result(20)
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(20)
        loop.close()
        structlog.reset_defaults()
