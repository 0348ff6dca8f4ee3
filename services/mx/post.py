"""A letter with its addressees, on its way from the last dot to where it rests; and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from services.mx.addressing import Addressees, Place
from services.mx.letter import Arrived
from yubin.smtp.command import Mail


@dataclass(frozen=True, kw_only=True)
class Post:
    """``received`` is our trace field, ``id`` the number in it. ``utf8``: it needs SMTPUTF8 to go on."""

    id: UUID
    mail: Mail
    arrived: Arrived
    received: bytes
    addressees: Addressees
    utf8: bool = False
    junk: bool = False

    @property
    def sender(self) -> str:
        return str(self.mail.reverse_path or "")


@dataclass(frozen=True, kw_only=True)
class Sealed:
    """The bytes that every account gets. ``copies``: who, and under which delivery id."""

    body: bytes
    digest: bytes
    copies: tuple[tuple[Place, UUID], ...]


@dataclass(frozen=True, kw_only=True)
class Filed:
    """Accounts whose mailboxes have it; copies that wait in the ledger for theirs; addresses elsewhere."""

    stored: tuple[str, ...] = ()
    waiting: int = 0
    onward: int = 0
    size: int = 0
