"""An IMAP client of our own, for tests: it shows what the server said as values, in order, and forgives nothing."""

from tests.imap_client.client import Client, Literal, Lost, Refused
from tests.imap_client.responses import Response

__all__ = ["Client", "Literal", "Lost", "Refused", "Response"]
