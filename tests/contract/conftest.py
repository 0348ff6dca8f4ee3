"""Fixtures that several contract tests share."""

from tests.contract.ledgers import world
from tests.contract.mailboxes import mailboxes

__all__ = ["mailboxes", "world"]
