"""Our odd letters are read as their expectations say, which were written by hand from the RFCs (see odd_letters)."""

from __future__ import annotations

from functools import cache

import pytest

from tests.conformance import imap_text
from tests.conformance.odd_letters import FOLDER, OddLetter, load, names
from yubin.imap.bodystructure import bodystructure
from yubin.imap.section import find
from yubin.mail import structure
from yubin.mail.part import Part
from yubin.mail.words import query
from yubin.mailboxes import reading

every_letter = pytest.mark.parametrize("name", names())


@cache
def tree(name: str) -> Part:
    """The tree as the mailbox keeps it: packed on arrival, unpacked for a reader."""
    return structure.unpack(reading.read(load(name).raw).structure)


@cache
def indexed(name: str) -> tuple[frozenset[str], frozenset[str]]:
    return reading.index_words(load(name).raw)


def octets(letter: OddLetter, part: Part, path: tuple[int, ...], kind: str) -> bytes | None:
    found = find(part, path, kind)
    return None if found is None else letter.raw[found[0] : found[0] + found[1]]


def holds(words: frozenset[str], asked: str) -> bool:
    """As SEARCH asks: each word of the query is there, or begins one that is."""
    return all(
        any(word.startswith(one.text) for word in words) if one.prefix else one.text in words
        for one in query(asked)
    )


def test_there_are_letters_enough_and_each_has_its_expectation():
    """At least a hundred, none without its partner, each with its reason, an envelope, a tree and sections or words."""
    expectations = {file.stem for file in FOLDER.glob("*.toml")}
    assert set(names()) == expectations
    assert len(expectations) >= 100
    for name in names():
        letter = load(name)
        assert len(letter.why) > 20, name
        assert letter.sections or letter.header or letter.body or not letter.raw, name


@every_letter
def test_envelope(name):
    """CASES G1, G4, G8, G11, G13: ENVELOPE says what RFC 9051 7.5.2 says of this header, in strings that IMAP can send."""
    answered = imap_text.parse(reading.read(load(name).raw).envelope, strict=True)
    assert imap_text.envelope(answered) == imap_text.envelope(load(name).envelope)


@every_letter
def test_bodystructure(name):
    """CASES G1, G2, G6, G8, G9, G11: BODYSTRUCTURE is the tree of RFC 2046; BODY is the same without its extension data."""
    expected = imap_text.body(load(name).bodystructure, extended=True)
    long = imap_text.parse(bodystructure(tree(name), extended=True), strict=True)
    short = imap_text.parse(bodystructure(tree(name), extended=False), strict=True)
    assert imap_text.body(long, extended=True) == expected
    assert imap_text.body(short, extended=False) == without_extensions(expected)


def without_extensions(part: dict) -> dict:
    """RFC 9051 7.5.2: BODY has no MD5, disposition, language and location, nor a multipart's parameters."""
    dropped = {"md5", "disposition", "language", "location"} | ({"parameters"} if "parts" in part else set())
    kept = {key: value for key, value in part.items() if key not in dropped}
    if "parts" in kept:
        kept["parts"] = [without_extensions(one) for one in kept["parts"]]
    if "body" in kept:
        kept["body"] = without_extensions(kept["body"])
    return kept


@every_letter
def test_sections(name):
    """CASES G8, G9, G11: each section is exactly the octets that lie there; HEADER and TEXT together are the letter."""
    letter, part = load(name), tree(name)
    found = {where: octets(letter, part, *where) for where in letter.sections}
    assert found == letter.sections
    assert octets(letter, part, (), "HEADER") + octets(letter, part, (), "TEXT") == letter.raw


@every_letter
def test_words(name):
    """Words of header and body are found as people would type them, two Japanese characters are enough; others are not."""
    letter, (header, body) = load(name), indexed(name)
    assert [word for word in letter.header if not holds(header, word)] == []
    assert [word for word in letter.body if not holds(body, word)] == []
    assert [word for word in letter.absent if holds(header | body, word)] == []
