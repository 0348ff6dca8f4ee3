"""The Japanese character sets as mail has them: CP932, EUC-JP, ISO-2022-JP, with the vendors' characters.

Python's codecs read what the standards have, fast; where they stop, the text is read here run by run, with one table of
the 94 x 94 characters of JIS X 0208 as CP932 has them (NEC's row 13, NEC's and IBM's kanji). The emoji of docomo and au
come out as the private use characters that CP932 has for them, those of SoftBank (``ESC $ G!``) as the company's own.
"""

from __future__ import annotations

import re
from functools import cache

_SOFTBANK = re.compile(rb"\x1b\$([GEFOPQ])([!-~]{1,64}+)\x0f")
_PAGES = {b"G": 0xE000, b"E": 0xE100, b"F": 0xE200, b"O": 0xE300, b"P": 0xE400, b"Q": 0xE500}
_ESCAPE = re.compile(
    rb"\x1b(?:\$([GEFOPQ])([!-~]{1,64}+)\x0f|(\$\([@A-DOPQ]|\$[@AB]|\([ABHIJ]|&@))|([\x0e\x0f\n])"
)
_KANJI = frozenset({b"$B", b"$@", b"$(B", b"$(@", b"$(O", b"$(Q"})
_FOREIGN = {b"$A": "gb2312", b"$(A": "gb2312", b"$(C": "euc_kr"}
_RUNS = re.compile(
    rb"([\x00-\x7f]++)|((?:\x8e[\xa1-\xdf])+)|((?:\x8f[\xa1-\xfe]{2})+)|((?:[\xa1-\xfe]{2})+)|[\x80-\xff]"
)
_TO_EUC = bytes([i | 0x80 for i in range(256)])
_FULL = re.compile(
    r"[\u3041-\u3096\u30a1-\u30fa\u30fc\u3005\u4e00-\u9fff\uff01-\uff5e\u2460-\u247f\u3200-\u33ff\u3001\u3002]{2,}"
)
_KANA = re.compile(r"[\u3041-\u3096\u30a1-\u30fa\u30fc]")
_ODD = re.compile(r"[\uff61-\uff9f\ue000-\uf8ff\x80-\xa0\ufffd]")
GUESSED = 8192  # octets that a guess is made from


def shift_jis(data: bytes) -> str:
    """CP932."""
    if b"\x1b$" not in data:
        return data.decode("cp932", "replace")
    text, last = [], 0
    for m in _SOFTBANK.finditer(data):
        text += [data[last : m.start()].decode("cp932", "replace"), _softbank(m[1], m[2])]
        last = m.end()
    return "".join((*text, data[last:].decode("cp932", "replace")))


def euc_jp(data: bytes) -> str:
    """EUC-JP with what CP51932 and eucJP-ms add."""
    try:
        return data.decode("euc_jp")
    except UnicodeDecodeError:
        return "".join([_euc_run(m) for m in _RUNS.finditer(data)])


def iso_2022_jp(data: bytes) -> str:
    """ISO-2022-JP and its extensions; 8-bit text in between is UTF-8, CP932 or EUC-JP."""
    if b"\x0e" in data:
        return "".join(_iso_2022_runs(data))
    try:
        return data.decode("iso2022_jp_ext")
    except UnicodeDecodeError:
        return "".join(_iso_2022_runs(data))


def guess(data: bytes) -> str | None:
    """CP932 or EUC-JP text of an unknown origin, whichever reads as Japanese; None when neither does."""
    sample = data[:GUESSED]
    scores = [(_plausible(read(sample)), read) for read in (euc_jp, shift_jis)]
    score, read = max(scores, key=lambda pair: pair[0])
    return read(data) if score > 0 else None


def _plausible(text: str) -> int:
    """Two and more Japanese characters together speak for a reading, odd ones against it."""
    runs = _FULL.findall(text)
    return sum(map(len, runs)) + len(_KANA.findall(text)) - 3 * len(_ODD.findall(text))


def _softbank(page: bytes, codes: bytes) -> str:
    return "".join([chr(_PAGES[page] + code - 0x20) for code in codes])


def _iso_2022_runs(data: bytes) -> list[str]:
    text: list[str] = []
    state, last, shifted = b"(B", 0, False
    for m in _ESCAPE.finditer(data):
        text.append(_run(data[last : m.start()], b"(I" if shifted else state))
        last = m.end()
        emoji, codes, escape, shift = m.groups()
        if codes is not None:
            text.append(_softbank(emoji, codes))
            continue
        shifted = shift == b"\x0e"  # JIS X 0202: SO is kana, SI ends it
        state = (
            escape if escape is not None else b"(B" if shift == b"\n" else state
        )  # RFC 1468: lines begin in ASCII
        text.append("\n" if shift == b"\n" else "")
    text.append(_run(data[last:], b"(I" if shifted else state))
    return text


def _run(run: bytes, state: bytes) -> str:
    """Text between two escape sequences."""
    if not run:
        return ""
    if state in _KANJI:
        return _kanji(run)
    if state == b"(I":
        return "".join([chr(0xFF40 + c) if 0x21 <= c & 0x7F <= 0x5F else chr(c & 0x7F) for c in run])
    foreign = _FOREIGN.get(state)
    if foreign is not None:
        return run.translate(_TO_EUC).decode(foreign, "replace")
    if state == b"$(D":
        return _supplement(run)
    return run.decode("ascii") if run.isascii() else _eight_bit(run)


def _eight_bit(run: bytes) -> str:
    """Where ISO-2022-JP should have been: most programs that do this mean CP932."""
    try:
        return run.decode("utf-8")
    except UnicodeDecodeError:
        return guess(run) or run.decode("cp932", "replace")


def _euc_run(m: re.Match[bytes]) -> str:
    ascii_run, kana, supplement, kanji = m.groups()
    if ascii_run is not None:
        return ascii_run.decode("ascii")
    if kana is not None:
        return "".join([chr(0xFEC0 + c) for c in kana[1::2]])
    if supplement is not None:
        return supplement.decode("euc_jp", "replace")
    return "\ufffd" if kanji is None else _kanji(kanji)


def _kanji(run: bytes) -> str:
    """Pairs of JIS X 0208 in seven bits or eight."""
    try:
        return run.translate(_TO_EUC).decode("euc_jp")
    except UnicodeDecodeError:
        table = _characters()
        return "".join([table[(run[i] & 0x7F) << 7 | run[i + 1] & 0x7F] for i in range(0, len(run) - 1, 2)])


def _supplement(run: bytes) -> str:
    """JIS X 0212: three octets each in EUC-JP."""
    pairs = run.translate(_TO_EUC)
    euc = b"".join([b"\x8f" + pairs[i : i + 2] for i in range(0, len(pairs), 2)])
    return euc.decode("euc_jp", "replace")


@cache
def _characters() -> list[str]:
    """By row and cell, 7 bits each; made when first needed (some milliseconds)."""
    table = ["\ufffd"] * (1 << 14)
    for row in range(1, 95):
        lead = ((row - 1) >> 1) + (0x81 if row <= 62 else 0xC1)
        lead = {0xEB: 0xF6, 0xEC: 0xF7}.get(lead, lead)  # au's emoji, which CP932 has elsewhere
        for cell in range(1, 95):
            trail = cell + 0x9E if row % 2 == 0 else cell + 0x3F + (cell + 0x3F >= 0x7F)
            table[(row + 0x20) << 7 | cell + 0x20] = bytes((lead, trail)).decode("cp932", "replace")[:1]
    return table
