"""A directory in memory for unit tests: light hashes, a clock that is set by hand."""

from services.directory.administration import DirectoryAdministration
from services.directory.app_passwords import AppPasswords
from services.directory.door import Door
from services.directory.keys import Keys
from services.directory.login import Login
from services.directory.passwords import Cost, Hasher
from services.directory.scram import Scram
from services.directory.sealing import Seal
from services.directory.throttle import Throttle
from services.directory.verifiers import Verifiers
from yubin.accounts.memory import MemoryAccounts

LIGHT = Cost(passes=1, memory=8, lanes=1)
SECRET = b"0123456789abcdef0123456789abcdef"
NOVEMBER = 1_794_000_000.0  # 2026-11-06


class Clock:
    def __init__(self, now=1000.0):
        self.now = now

    def __call__(self):
        return self.now


class World:
    """Everything below the handlers, over memory."""

    def __init__(self, *, cost=LIGHT, workers=2, queue=64, seal=None):
        self.clock = Clock()
        self.store = MemoryAccounts()
        self.hasher = Hasher(cost, workers=workers, queue=queue)
        self.throttle = Throttle(clock=self.clock)
        self.keys = Keys(self.store, Seal(seal), clock=lambda: NOVEMBER)
        self.door = Door(self.throttle)
        self.verifiers = Verifiers(self.hasher, SECRET, sealing=bool(seal), iterations=4096)
        self.admin = DirectoryAdministration(
            self.store, self.keys, self.hasher, self.verifiers, clock=lambda: NOVEMBER
        )
        self.apps = AppPasswords(self.store, clock=lambda: NOVEMBER + self.clock.now)
        self.login = self.login_over(self.store)
        self.scram = self.scram_pod()

    def login_over(self, store, hasher=None):
        return Login(store, self.door, hasher or self.hasher, self.verifiers, self.apps)

    def scram_pod(self, secret=None):
        """One of several directory pods."""
        return Scram(self.store, self.verifiers, self.door, secret or SECRET, clock=self.clock)

    async def people(self, *addresses, password="correct horse"):
        """Accounts in a.example of the tenant acme."""
        await self.admin.create_tenant("acme")
        await self.admin.create_domain("acme", "a.example")
        for address in addresses:
            await self.admin.create_account(address, password)

    async def check(self, login, password="correct horse", peer="192.0.2.1", service="submission"):
        return await self.login.authenticate(login, password, peer=peer, service=service)

    def close(self):
        self.hasher.close()
