"""A directory in memory for unit tests: light hashes, a clock that is set by hand."""

from services.directory.administration import DirectoryAdministration
from services.directory.keys import Keys
from services.directory.login import Login
from services.directory.passwords import Cost, Hasher
from services.directory.sealing import Seal
from services.directory.throttle import Throttle
from yubin.accounts.memory import MemoryAccounts

LIGHT = Cost(passes=1, memory=8, lanes=1)
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
        self.admin = DirectoryAdministration(self.store, self.keys, self.hasher, clock=lambda: NOVEMBER)
        self.login = Login(self.store, self.hasher, self.throttle)

    async def people(self, *addresses, password="correct horse"):
        """Accounts in a.example of the tenant acme."""
        await self.admin.create_tenant("acme")
        await self.admin.create_domain("acme", "a.example")
        for address in addresses:
            await self.admin.create_account(address, password)

    async def check(self, login, password="correct horse", peer="192.0.2.1"):
        return await self.login.authenticate(login, password, peer=peer, service="submission")

    def close(self):
        self.hasher.close()
