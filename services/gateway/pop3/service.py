"""POP3 in a gateway: what its conversations share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from services.gateway.connection import Connection
from services.gateway.leases import Leases
from services.gateway.pop3.conversation import Conversation
from services.gateway.pop3.shelf import Shelf
from services.gateway.sessions import Passes
from yubin.accounts.port import Authenticator
from yubin.errors import Failure
from yubin.mailboxes.account import Account
from yubin.pop3 import reply
from yubin.pop3.dialogue import Terms


@dataclass(frozen=True, kw_only=True)
class Pop3:
    """``account`` makes the mailboxes of who holds a token; the token is asked for at each call. Timeouts in seconds."""

    name = "pop3"
    terms: Terms
    authenticator: Authenticator
    account: Callable[[Callable[[], str]], Account]
    passes: Passes
    leases: Leases
    shelf: Shelf
    idle: float = 600.0
    login_timeout: float = 180.0

    async def serve(self, connection: Connection) -> None:
        await Conversation(self, connection).run()

    def farewell(self, failure: Failure) -> bytes:
        return reply.err(failure)
