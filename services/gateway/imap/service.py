"""IMAP in a gateway: what its conversations share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic

from services.gateway.connection import Connection
from services.gateway.imap.conversation import Conversation
from services.gateway.imap.heavy import Heavy
from services.gateway.imap.patient import SECONDS
from services.gateway.imap.watch import Watch
from services.gateway.leases import Leases
from services.gateway.sessions import Passes
from yubin.accounts.port import Authenticator
from yubin.errors import Failure
from yubin.imap import codes, responses
from yubin.imap.limits import Limits
from yubin.mailboxes.account import Account
from yubin.sasl.mechanisms import OFFERED


@dataclass(frozen=True, kw_only=True)
class Imap:
    """``account`` makes the mailboxes of who holds a token; the token is asked for at each call. Timeouts in seconds.

    ``starttls``: there is a certificate. ``quota``: octets of an account that has none of its own; 0: none.
    ``per_user``: sessions at once. ``patience``: for a mailbox pod that is away. ``errors``: bad commands in a row, ``early``: commands before login; then BYE.
    """

    name = "imap"
    hostname: str
    starttls: bool
    auth_without_tls: bool = False
    authenticator: Authenticator
    account: Callable[[Callable[[], str]], Account]
    passes: Passes
    leases: Leases
    watch: Watch
    limits: Limits = field(default_factory=Limits)
    heavy: Heavy = field(default_factory=Heavy)
    quota: int = 0
    mechanisms: tuple[str, ...] = OFFERED
    per_user: int = 50
    patience: float = SECONDS
    idle: float = 1800.0
    login_timeout: float = 180.0
    login_failures: int = 3
    errors: int = 20
    early: int = 100
    clock: Callable[[], float] = monotonic

    async def serve(self, connection: Connection) -> None:
        await Conversation(self, connection).run()

    def farewell(self, failure: Failure) -> bytes:
        return responses.bye(failure.text, codes.of(failure))
