"""Changes by chance: octets flipped, cut, doubled, pieces of one seed put into another, words of the protocol put in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random

_WORDS = [
    b"\r\n", b"\n", b"\r", b"\0", b" ", b"  ", b"(", b")", b"{", b"}", b"{3+}\r\n", b"{3}\r\n", b"~{3+}\r\n", b'"', b"\\", b"*", b"$",
    b",", b":", b"&", b"-", b"<", b">", b"[", b"]", b"0", b"4294967295", b"4294967296", b"9223372036854775808", b"\xff",
    "日".encode(), b"NIL", b"NOT ", b"OR ", b"UID ", b"=?utf-8?q?", b"?=", b"--b c", b";", b"/*",
]  # fmt: skip
MOST = 4096  # octets of a case


def cases(seeds: list[bytes], random: Random) -> Iterator[bytes]:
    """Without end: each seed as it is, then what became of them."""
    yield from seeds
    while True:
        octets = random.choice(seeds)
        for _ in range(random.randint(1, 6)):
            octets = random.choice(_CHANGES)(octets, random, seeds)[:MOST]
        yield octets


def _place(octets: bytes, random: Random) -> int:
    return random.randint(0, len(octets))


def _flip(octets: bytes, random: Random, seeds: list[bytes]) -> bytes:
    if not octets:
        return octets
    at = random.randrange(len(octets))
    return octets[:at] + bytes([random.randrange(256)]) + octets[at + 1 :]


def _cut(octets: bytes, random: Random, seeds: list[bytes]) -> bytes:
    start = _place(octets, random)
    return octets[:start] + octets[start + random.randint(1, 9) :]


def _double(octets: bytes, random: Random, seeds: list[bytes]) -> bytes:
    start = _place(octets, random)
    stop = start + random.randint(1, 20)
    return octets[:stop] + octets[start:stop] * random.randint(1, 9) + octets[stop:]


def _word(octets: bytes, random: Random, seeds: list[bytes]) -> bytes:
    at = _place(octets, random)
    return octets[:at] + random.choice(_WORDS) + octets[at:]


def _cross(octets: bytes, random: Random, seeds: list[bytes]) -> bytes:
    other = random.choice(seeds)
    return octets[: _place(octets, random)] + other[_place(other, random) :]


_CHANGES: list[Callable[[bytes, Random, list[bytes]], bytes]] = [_flip, _cut, _double, _word, _word, _cross]
