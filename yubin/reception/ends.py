"""How a conversation ends when nobody says QUIT."""

from __future__ import annotations


class Ended(Exception):  # noqa: N818 - not an error: a conversation ends
    """Nothing more is to be read from this client."""


class Gone(Ended):
    """The client has closed its side."""


class Expired(Ended):
    """The client was too slow."""


class Leaving(Ended):
    """The pod stops, and the client is between two commands."""
