"""Fixtures that many tests of IMAP share."""

import pytest_asyncio

from tests.integration.imap import House


@pytest_asyncio.fixture
async def house(tmp_path):
    """Mailboxes in this process, in front of which a test opens gateways."""
    return House(tmp_path)
