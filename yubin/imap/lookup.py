"""What of a search the index of words can answer (yubin.mail.words), so that few letters have to be read.

Each text key of a search becomes a ``Lookup``: the words that a letter must have. Letters without them are out. Of those
that have them, an ``exact`` lookup is the answer already; else they are looked at. TEXT and BODY are searched by words,
as in every index: a word is found by its beginning, Japanese by any two characters. SUBJECT, FROM, TO, CC, BCC and HEADER are
found anywhere in a word (RFC 3501 6.4.4: substring), because what is kept beside the letters answers them; there the
index only helps with words that must occur whole. With ``whole_words`` they are searched as BODY is, which a handler may
want for a very large mailbox.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from yubin.imap.commands.keys import And, Key, Not, Or, Text
from yubin.mail.folding import fold
from yubin.mail.words import QueryWord, indexed, query

_IN_BRACKETS = re.compile(r"\s*<[^<>\s]+>\s*")
MOST = 16  # lookups of one search; keys beyond are answered by looking at letters
_PAIR = re.compile("[\u3005-\u3007\u3041-\u30fe\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3]{2}")
_WHERE = {"TEXT": "any", "BODY": "body"}


class Word(NamedTuple):
    """As yubin.mailboxes.port.Word; ``where``: any, header or body."""

    text: str
    prefix: bool
    where: str


class Lookup(NamedTuple):
    """``exact``: a letter with all the words matches ``key``."""

    key: Text
    words: tuple[Word, ...]
    exact: bool


class Found(NamedTuple):
    """The index' answer: UIDs that have the words, and those that are not indexed yet."""

    lookup: Lookup
    uids: frozenset[int]
    unknown: frozenset[int]


def lookups(key: Key, *, whole_words: bool = False) -> list[Lookup]:
    """At most ``MOST``, each key once."""
    found: list[Lookup] = []
    for text in dict.fromkeys(texts(key)):
        one = _lookup(text, whole_words=whole_words)
        if one is not None and len(found) < MOST:
            found.append(one)
    return found


def texts(key: Key) -> Iterator[Text]:
    waiting = [key]
    while waiting:
        here = waiting.pop()
        if isinstance(here, And | Or):
            waiting.extend(reversed(here.keys))
        elif isinstance(here, Not):
            waiting.append(here.key)
        elif isinstance(here, Text):
            yield here


def _lookup(key: Text, *, whole_words: bool) -> Lookup | None:
    wanted = query(key.text)
    where = _WHERE.get(key.where, "header")
    if where == "header":
        if key.where == "HEADER" and not indexed(key.field):
            return None
        if not whole_words and not _IN_BRACKETS.fullmatch(
            key.text
        ):  # a message id: whole in every text that has it
            wanted = [word for word in wanted if _certain(word)]
    if not wanted:
        return None
    words = tuple(Word(word.text, word.prefix, where) for word in wanted)
    return Lookup(key, words, where != "header" and _covers(wanted, key.text))


def _certain(word: QueryWord) -> bool:
    """Every text that contains the query has it; a word of letters may be a part of another one."""
    return not word.prefix and _PAIR.fullmatch(word.text) is not None


def _covers(wanted: list[QueryWord], text: str) -> bool:
    """The one word is all that was asked for."""
    return len(wanted) == 1 and wanted[0].text == fold(text).lstrip("\u30fc ").rstrip()
