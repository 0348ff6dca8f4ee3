"""Fixtures that several contract tests share."""

from tests.contract.ledgers import world

__all__ = ["world"]
