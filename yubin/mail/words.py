"""The words that a letter is found by, and those that a query asks for: one tokenizer for both, and for every database.

Text is put into one form first (yubin.mail.folding). Then one pattern takes out the words: runs of letters and digits as
they are, at most 64 characters of them; dots, hyphens and signs between two runs make a compound (an address, a host, a
date), of which each run and each tail is a word: ``taro.y@mail.example`` is found by itself, by ``y@mail.example``,
``mail.example`` and ``taro``. Runs of a script without spaces become overlapping pairs of characters, and a run's last
character stands alone too, so that one character finds the pairs it begins and the run it ends. Everything goes over
whole texts in C; a thousand pairs cost a tenth of a millisecond.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import islice
from operator import add
from typing import NamedTuple

from yubin.mail import fields
from yubin.mail.content import text as text_of
from yubin.mail.encoded import display
from yubin.mail.filename import filename
from yubin.mail.folding import fold
from yubin.mail.mime import Letter
from yubin.mail.part import Part

WORD_LIMIT = 64  # characters
WORDS = 20_000  # of one letter
TEXT_LIMIT = 2 * 1024 * 1024  # characters of a letter that are read
_PIECE = 64 * 1024  # characters that are normalized at a time; one can become eighteen
_TAILS = 8  # of one compound

# Han with its marks, kana, Hangul; Thai, Lao, Burmese, Khmer, which have no spaces between words either
_PAIRED = (
    "\u3005-\u3007\u3041-\u3096\u309d\u309e\u30fc\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
    "\uac00-\ud7a3\u1100-\u11ff\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"
)
_MARKS = (
    "\u0300-\u036f\u0591-\u05bd\u064b-\u0652\u0900-\u0963\u0966-\u0dff"  # vowels and accents, which are no \w
)
_LETTERS = rf"(?:[^\W_{_PAIRED}]++|[{_MARKS}]++)"
_ASCII_WORD = re.compile(r"[a-z0-9]++(?:['.@+&_-]++[a-z0-9]++)*")
_WORD = re.compile(rf"[{_PAIRED}]++|{_LETTERS}+(?:['.@+&_-]++{_LETTERS}+)*")
_FIRST_PAIRED = re.compile(f"[{_PAIRED}]").match
_JOINT = re.compile(r"['.@+&_-]++")


# what machines write to machines; a search in these has to look at the letter itself
_UNINDEXED = re.compile(
    r"received|dkim-signature|domainkey-signature|authentication-results|arc-.*|x-ms-exchange-.*|x-microsoft-antispam.*"
    r"|x-forefront-.*|x-google-.*|x-gm-.*|content-.*|mime-version"
)
_INSIDE = frozenset({"subject", "from", "to", "cc"})  # of a letter inside


class Words(NamedTuple):
    header: frozenset[str]
    body: frozenset[str]


class QueryWord(NamedTuple):
    """With ``prefix``, any word that begins so."""

    text: str
    prefix: bool


def tokens(text: str) -> list[str]:
    """The words of a text, some of them more than once."""
    found: set[str] = set()
    for piece in _pieces(text):
        collect(piece, found)
    return list(found)


def query(text: str) -> list[QueryWord]:
    """What a text that contains ``text`` must have; [] when there is no word in it.

    The last word may go on in the text, and is a prefix; so is a single character of a script without spaces.
    """
    folded = fold(text[:1000]).lstrip("\u30fc ")
    runs = _WORD.findall(folded)
    wanted: dict[QueryWord, None] = {}
    for n, run in enumerate(runs):
        if not _is_paired(run):
            last = n == len(runs) - 1 and folded.endswith(run)
            wanted[QueryWord(run[:WORD_LIMIT], last or len(run) > WORD_LIMIT)] = None
        elif len(run) == 1:
            wanted[QueryWord(run, True)] = None
        else:
            wanted.update(dict.fromkeys(QueryWord(pair, False) for pair in map(add, run, run[1:])))
    return list(wanted)


def collect(folded: str, found: set[str]) -> None:
    """Adds the words of a folded text."""
    if folded.isascii():
        runs = set(_ASCII_WORD.findall(folded))
        paired: Iterable[str] = ()
    else:
        runs = set(_WORD.findall(folded))
        paired = [run for run in runs if _is_paired(run)]
        runs.difference_update(paired)
    for run in paired:
        found.update(map(add, run, run[1:]))
        found.add(run[-1])
    for run in runs:
        if run.isalnum():
            found.add(run[:WORD_LIMIT])
        else:
            found.update(_compound(run))


def _is_paired(run: str) -> bool:
    return _FIRST_PAIRED(run) is not None


def _compound(run: str) -> Iterator[str]:
    """Each of its runs, and each of its tails."""
    start = 0
    for n, joint in enumerate(_JOINT.finditer(run)):
        yield run[start : joint.start()][:WORD_LIMIT]
        if n < _TAILS:
            yield run[start:][:WORD_LIMIT]
        start = joint.end()
    yield run[start:][:WORD_LIMIT]


def _pieces(text: str) -> Iterator[str]:
    """Folded, cut at white space where there is some."""
    start, size, left = 0, min(len(text), TEXT_LIMIT), TEXT_LIMIT
    while start < size and left > 0:
        stop = min(start + _PIECE, size)
        if stop < size:
            space = max(text.rfind(" ", start, stop), text.rfind("\n", start, stop))
            stop = space + 1 if space > start else stop
        folded = fold(text[start:stop])
        left -= len(folded)
        yield folded
        start = stop


def indexed(name: str) -> bool:
    """True when the words of header fields of this name are found by; others have to be looked at."""
    return _UNINDEXED.fullmatch(name.lower()) is None


def words(raw: bytes, part: Part) -> Words:
    """Of a letter whose tree is ``part``. Never raises."""
    return of(raw, Letter(fields.read(raw), part))


def of(raw: bytes, letter: Letter) -> Words:
    """The same, for who has read the header too."""
    header: set[str] = set()
    shown = [display(entry[1]) for entry in letter.headers.fields if indexed(entry[0])]
    _gather(["\n".join(shown)], header, WORDS)
    body: set[str] = set()
    _gather(texts(raw, letter.part), body, WORDS - len(header))
    return Words(frozenset(header), frozenset(body))


def _gather(texts: Iterable[str], found: set[str], most: int) -> None:
    left = TEXT_LIMIT
    for text in texts:
        for piece in _pieces(text[:left]):
            collect(piece, found)
            if len(found) > most:
                found.difference_update(list(islice(found, len(found) - most)))
            if len(found) == most:
                return
        left -= len(text)
        if left <= 0:
            return


def texts(raw: bytes, part: Part) -> Iterator[str]:
    """What a reader sees in the parts of a letter, and in those of letters inside; and the names of all."""
    waiting, left = [part], TEXT_LIMIT
    while waiting and left > 0:
        here = waiting.pop()
        waiting.extend(reversed(here.children))
        if here.message and here.fields:
            yield "\n".join([display(value) for name, value in here.fields if name in _INSIDE])
        if here.disposition is not None or here.params:
            yield filename(here)
        if here.type == "text" and here.size:
            text = text_of(raw, here, left)
            left -= len(text)
            yield text
