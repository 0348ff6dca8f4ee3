"""The one form of a text for searching: what looks or sounds alike to a reader compares equal.

NFKC and case folding (Unicode 3.13), katakana and half width kana as hiragana, small kana as large ones; dashes that stand
for the prolonged sound mark are one, and the mark goes where a word of kana ends with it, so that サーバー is サーバ.

Most characters of a text are in normal form already, and to normalize a whole letter would cost more than all the rest; so
only runs of others are normalized, each with the character before it, which the first of them may combine with. Runs of
combining marks are cut first: to sort them costs quadratic time.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

# which NFKC leaves alone, and which combine with nothing before them
_NORMAL = (
    "\x00-\x7f\u00c0-\u0131\u0134-\u013e\u0141-\u0148\u014a-\u017e\u0391-\u03a1\u03a3-\u03ce\u0400-\u0481\u048a-\u052f"
    "\u05d0-\u05ea\u0620-\u064a\u0e01-\u0e30\u2010\u2012-\u2016\u2018-\u201f\u3001-\u3029\u3041-\u3096\u30a1-\u30fe"
    "\u4e00-\u9fff\uac00-\ud7a3"
)
_OTHERS = re.compile(f"[\\s\\S]?[^{_NORMAL}]++")
_MANY_MARKS = re.compile(r"([^\w\s\x00-\x7f]{16})[^\w\s\x00-\x7f]++")
_KANA = re.compile("[\u3041-\u30ff]")
_KATAKANA = re.compile("[\u30a1-\u30f6\u30fd\u30fe]++")
_PROLONGED = re.compile("[\u30fc\u2010-\u2015\u2212\u2500]++")
_SMALL = tuple(zip("ぁぃぅぇぉっゃゅょゎゕゖ", "あいうえおつやゆよわかけ", strict=True))
_TO_HIRAGANA = {code: chr(code - 0x60) for code in (*range(0x30A1, 0x30F7), 0x30FD, 0x30FE)}


def fold(text: str) -> str:
    if text.isascii():
        return text.lower()
    text = _OTHERS.sub(_normalized, text).casefold().replace("\u2019", "'")
    if _KANA.search(text) is None:
        return text
    text = _PROLONGED.sub(_prolonged, text)
    text = _KATAKANA.sub(_hiragana, text)
    for small, large in _SMALL:
        text = text.replace(small, large)
    return text


def _normalized(m: re.Match[str]) -> str:
    run = m[0]
    return _short(run) if len(run) < 8 else unicodedata.normalize("NFKC", _MANY_MARKS.sub(r"\1", run))


@lru_cache(4096)
def _short(run: str) -> str:
    """Most are a full-width sign or digit."""
    return unicodedata.normalize("NFKC", run)


def _prolonged(m: re.Match[str]) -> str:
    """Within a word of one kind of kana it stays, at its end it goes; elsewhere a dash is a dash."""
    before, behind = _script(m.string[m.start() - 1 : m.start()]), _script(m.string[m.end() : m.end() + 1])
    if before == "katakana" or (before == "hiragana" and m[0][0] == "\u30fc"):
        return "\u30fc" if before == behind else ""
    return m[0]


def _script(character: str) -> str:
    if "\u30a1" <= character <= "\u30fa":
        return "katakana"
    return "hiragana" if "\u3041" <= character <= "\u3096" else ""


def _hiragana(m: re.Match[str]) -> str:
    return m[0].translate(_TO_HIRAGANA)
