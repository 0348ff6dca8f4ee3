"""Character sets of mail, read for people: every input gives text, none raises, and all cost linear time.

Names are taken as mail writes them; each is read with the widest set that goes by it (shift_jis is CP932, gb2312 is
GB 18030, iso-8859-1 is windows-1252), as browsers do. What is said to be us-ascii and is not, or bears a name that nobody
knows, is guessed. The Japanese sets with the vendors' characters (①, 髙, the carriers' emoji as private use characters)
are read in yubin.mail.japanese.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable

from yubin.mail import japanese

UTF7_LIMIT = 64 * 1024  # octets; nobody sends more of it

_ODD = re.compile(r"[^a-z0-9]++")
_PYTHON = {  # keys are names without signs; values are codecs of the C library of Python, all linear
    "utf8": "utf-8",
    "unicode11utf8": "utf-8",
    "gb2312": "gb18030",
    "gb231280": "gb18030",
    "euccn": "gb18030",
    "gbk": "gb18030",
    "xgbk": "gb18030",
    "cp936": "gb18030",
    "ms936": "gb18030",
    "gb18030": "gb18030",
    "hzgb2312": "hz",
    "big5": "big5hkscs",
    "big5hkscs": "big5hkscs",
    "cnbig5": "big5hkscs",
    "xxbig5": "big5hkscs",
    "cp950": "cp950",
    "euckr": "cp949",
    "ksc56011987": "cp949",
    "ksc5601": "cp949",
    "cp949": "cp949",
    "windows949": "cp949",
    "uhc": "cp949",
    "iso2022kr": "iso2022_kr",
    "johab": "johab",
    "koi8r": "koi8-r",
    "koi8": "koi8-r",
    "koi8u": "koi8-u",
    "koi8ru": "koi8-u",
    "tis620": "cp874",
    "windows874": "cp874",
    "iso885911": "cp874",
    "iso88598i": "iso8859-8",
    "iso88598e": "iso8859-8",
    "macintosh": "mac-roman",
    "mac": "mac-roman",
    "xmacroman": "mac-roman",
    "xmaccyrillic": "mac-cyrillic",
    "viscii": "cp1258",
    "latin1": "cp1252",
    "iso88591": "cp1252",
    "iso88599": "cp1254",
    "l1": "cp1252",
    "latin2": "iso8859-2",
    "latin5": "cp1254",
    "latin9": "iso8859-15",
    **{f"iso8859{n}": f"iso8859-{n}" for n in (2, 3, 4, 5, 6, 7, 8, 10, 13, 14, 15, 16)},
    **{
        f"{maker}{n}": f"cp{n}"
        for n in range(1250, 1259)
        for maker in ("windows", "cp", "xcp", "win", "ansi")
    },
    **{
        f"{maker}{n}": f"cp{n}"
        for n in (437, 737, 775, 850, 852, 855, 857, 858, 860, 861, 862, 863, 864, 865, 866)
        for maker in ("cp", "ibm", "dos")
    },
}
_JAPANESE: dict[str, Callable[[bytes], str]] = {
    **dict.fromkeys(
        ("iso2022jp", "iso2022jp1", "iso2022jp2", "iso2022jp3", "iso2022jp2004", "iso2022jpms", "iso2022jpext",
         "csiso2022jp", "cp50220", "cp50221", "cp50222", "jis", "jis7"), japanese.iso_2022_jp),
    **dict.fromkeys(
        ("shiftjis", "shiftjis2004", "shiftjisx0213", "sjis", "xsjis", "csshiftjis", "mskanji", "cp932", "ms932",
         "windows31j", "cswindows31j", "cp943", "xmacjapanese", "xshiftjis"), japanese.shift_jis),
    **dict.fromkeys(
        ("eucjp", "xeucjp", "xeuc", "eucjpms", "eucjpwin", "cseucpkdfmtjapanese", "ujis", "cp51932", "eucjis2004",
         "eucjisx0213"), japanese.euc_jp),
}  # fmt: skip
_WIDE = {"utf16": "utf-16-be", "utf16be": "utf-16-be", "utf16le": "utf-16-le", "ucs2": "utf-16-be", "unicode": "utf-16-le",
         "utf32": "utf-32-be", "utf32be": "utf-32-be", "utf32le": "utf-32-le"}  # fmt: skip
_ASCII = frozenset(
    {
        "",
        "usascii",
        "ascii",
        "ansix341968",
        "646",
        "iso646us",
        "unknown",
        "unknown8bit",
        "xunknown",
        "default",
        "8bit",
        "binary",
    }
)
_UTF7 = frozenset({"utf7", "unicode11utf7"})
_SHIFTED = _UTF7 | _WIDE.keys() | {"hzgb2312", "iso2022kr"}  # other text in the octets of ASCII
_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"), (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"),
)  # fmt: skip


def decode(data: bytes, name: str) -> str:
    """The text of ``data``, which is said to be in ``name``. Never raises; what cannot be read is U+FFFD."""
    key = _key(name)
    if key not in _SHIFTED and data.isascii() and b"\x1b" not in data and b"\x0e" not in data:
        return data.decode("ascii")
    return _known(data, key)


def known(name: str) -> bool:
    """True when ``decode`` reads ``name`` as what it is, and does not guess."""
    key = _key(name)
    return key in _PYTHON or key in _JAPANESE or key in _WIDE or key in _ASCII or key in _UTF7


def guess(data: bytes) -> str:
    """Text that nobody declared: UTF-8, else a Japanese set by plausibility, else windows-1252."""
    if b"\x1b$" in data or b"\x1b(" in data:
        return japanese.iso_2022_jp(data)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as trouble:
        if trouble.start > len(data) - 4 and not data[: trouble.start].isascii():  # cut within a character
            return data.decode("utf-8", "replace")
    text = japanese.guess(data)
    return _western(data, "cp1252") if text is None else text


def _key(name: str) -> str:
    return _ODD.sub("", name[:64].lower())


def _known(data: bytes, key: str) -> str:
    if key in _JAPANESE:
        return _JAPANESE[key](data)
    if key in _WIDE:
        return _utf16(data, _WIDE[key])
    if key in _UTF7:
        return _utf7(data[:UTF7_LIMIT])
    codec = _PYTHON.get(key)
    if codec is None:
        return guess(data)
    if codec == "utf-8":
        return _utf8(data)
    return _western(data, codec) if codec == "cp1252" else data.decode(codec, "replace")


def _utf8(data: bytes) -> str:
    return data.removeprefix(codecs.BOM_UTF8).decode("utf-8", "replace")


def _utf7(data: bytes) -> str:
    """Python's reader lets half of a surrogate pair through."""
    return data.decode("utf-7", "replace").encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _western(data: bytes, codec: str) -> str:
    """windows-1252 has five holes, which are read as ISO 8859-1."""
    try:
        return data.decode(codec)
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _utf16(data: bytes, codec: str) -> str:
    for mark, marked in _BOMS:
        if data.startswith(mark) and marked[:6] == codec[:6]:
            return data[len(mark) :].decode(marked, "replace")
    return data.decode(codec, "replace")
