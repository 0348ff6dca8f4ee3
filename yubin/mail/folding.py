"""The one form of a text for searching: what looks or sounds alike to a reader compares equal.

NFKC and case folding (Unicode 5.18), katakana and half width kana as hiragana, small kana as large ones; dashes that stand
for the prolonged sound mark are one, and the mark goes where a word of kana ends with it, so that サーバー is サーバ. Runs of
combining marks are cut first: to sort them costs quadratic time.
"""

from __future__ import annotations

import re
import unicodedata

_MANY_MARKS = re.compile(r"([^\w\s\x00-\x7f]{16})[^\w\s\x00-\x7f]++")
_KATAKANA = re.compile("[\u30a1-\u30f6\u30fd\u30fe]++")
_KANA = re.compile("[\u3041-\u30ff]")
_DASHES = re.compile("(?<=[\u30a1-\u30fa])[\u2010-\u2015\u2212\u2500]")
_PROLONGED = re.compile(
    "(?<=[\u30a1-\u30fa])\u30fc++(?![\u30a1-\u30fa])|(?<=[\u3041-\u3096])\u30fc++(?![\u3041-\u3096])"
)
_SMALL = dict(zip("ぁぃぅぇぉっゃゅょゎゕゖ", "あいうえおつやゆよわかけ", strict=True))
_SMALL_KANA = re.compile("[ぁぃぅぇぉっゃゅょゎゕゖ]")
_TO_HIRAGANA = {
    code: _SMALL.get(chr(code - 0x60), chr(code - 0x60)) for code in (*range(0x30A1, 0x30F7), 0x30FD, 0x30FE)
}


def fold(text: str) -> str:
    """The one form of a text."""
    if text.isascii():
        return text.lower()
    text = _MANY_MARKS.sub(r"\1", text)
    text = unicodedata.normalize("NFKC", text).casefold().replace("\u2019", "'")
    if _KANA.search(text) is None:
        return text
    text = _DASHES.sub("\u30fc", text)
    text = _PROLONGED.sub("", text)
    text = _KATAKANA.sub(_hiragana, text)
    return _SMALL_KANA.sub(_large, text)


def _hiragana(m: re.Match[str]) -> str:
    return m[0].translate(_TO_HIRAGANA)


def _large(m: re.Match[str]) -> str:
    return _SMALL[m[0]]
