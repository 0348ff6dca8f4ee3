"""Character sets: names as mail has them, text as its writer saw it, and never an exception."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yubin.mail import charset


@pytest.mark.parametrize(
    ("name", "codec", "text"),
    [
        ("UTF-8", "utf-8", "山田太郎 café"),
        ("utf8", "utf-8", "山"),
        ('"utf-8"', "utf-8", "山"),
        ("ISO-2022-JP", "iso2022_jp", "山田です。ＡＢＣ"),
        ("Shift_JIS", "cp932", "①髙橋～ｱｲｳ"),
        ("x-sjis", "cp932", "表示"),
        ("windows-31j", "cp932", "㈱"),
        ("EUC-JP", "euc_jp", "山田"),
        ("GB2312", "gb18030", "朱镕基"),
        ("gb18030", "gb18030", "𠀀"),
        ("big5", "big5hkscs", "繁體"),
        ("ks_c_5601-1987", "cp949", "똠방각하"),
        ("EUC-KR", "euc_kr", "한국어"),
        ("KOI8-R", "koi8-r", "Привет"),
        ("windows-1251", "cp1251", "Привет"),
        ("ISO-8859-1", "cp1252", "“café” €"),
        ("iso-8859-15", "iso8859-15", "€"),
        ("windows-874", "cp874", "ไทย"),
        ("utf-16", "utf-16", "山"),
        ("utf-16le", "utf-16-le", "山"),
        ("utf-16be", "utf-16-be", "山"),
        ("utf-7", "utf-7", "山+"),
        ("hz-gb-2312", "hz", "朱"),
        ("iso-2022-kr", "iso2022_kr", "한국"),
    ],
)
def test_names(name, codec, text):
    """A name is read with the widest set that goes by it."""
    assert charset.decode(text.encode(codec), name) == text
    assert charset.known(name)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"\x1b$B-!-j\x1b(B", "①㈱"),
        (b"\x1b$B|b66\x1b(B", "髙橋"),
        (b"\x1b(I1\x1b(B", "ｱ"),
        (b"\x0e1\x0f", "ｱ"),
        (b"\x1b$B;3EDB@O:\nplain", "山田太郎\nplain"),
        (b"\x1b$(D0!\x1b(B", "丂"),
        (b"\x1b$B;3\x1b(B \x8eR", "山 山"),
        (b"\x1b$B;3\x1b(B \xe5\xb1\xb1", "山 山"),
        (b"x \x1b$G!\x0f y", "x \ue001 y"),
        (b"\x1b$Bu!\x1b(B", "\ue468"),
        (b"\x1b", "\x1b"),
        (b"\x1b$B", ""),
        (b"\x1b$B;", ""),
    ],
)
def test_iso_2022_jp_as_it_is_sent(data, text):
    """Vendors' characters, kana of one octet, 8-bit text in between, text cut off: read as it was meant."""
    assert charset.decode(data, "iso-2022-jp") == text


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"\xad\xa1\xbb\xb3", "①山"),
        (b"\x8e\xb1", "ｱ"),
        (b"\x8f\xb0\xa1", "丂"),
        (b"a\xff\xbb\xb3", "a\ufffd山"),
    ],
)
def test_euc_jp_as_it_is_sent(data, text):
    """CP51932 and eucJP-ms have more than the standard."""
    assert charset.decode(data, "euc-jp") == text


@pytest.mark.parametrize(
    ("data", "code"),
    [(b"\xf8\x9f", "\ue63e"), (b"\xf9\x8b", "\ue6e6"), (b"\xf6\x59", "\ue481"), (b"\x1b$Gj\x0f", "\ue04a")],
)
def test_carriers_emoji_are_text(data, code):
    """The emoji of docomo and au come out as CP932 has them, SoftBank's as its own: private use characters, all of them."""
    assert charset.decode(data, "shift_jis") == code


@pytest.mark.parametrize(
    ("text", "codec"),
    [
        ("お世話になっております", "cp932"),
        ("お世話になっております", "euc_jp"),
        ("お世話になっております", "iso2022_jp"),
        ("お世話になっております", "utf-8"),
        ("テスト", "cp932"),
        ("テスト", "euc_jp"),
        ("①②③", "cp932"),
        ("Größe façade naïve", "cp1252"),
        ("Fußgängerübergänge", "cp1252"),
        ("“quoted” – text", "cp1252"),
        ("plain", "ascii"),
    ],
)
def test_undeclared_text_is_guessed(text, codec):
    """By what it looks like; an unknown name is as good as none."""
    assert charset.guess(text.encode(codec)) == text
    assert charset.decode(text.encode(codec), "x-unknown-thing") == text
    assert not charset.known("x-unknown-thing")


def test_utf_8_that_was_cut_is_utf_8():
    """A bad tail (CASES G8) does not turn the rest into something else."""
    assert charset.guess("山田".encode()[:-1]) == "山\ufffd"


@pytest.mark.parametrize(
    "name", ["unicode_escape", "base64", "idna", "punycode", "zip", "rot13", "undefined", "\0", "x" * 5000]
)
def test_codecs_that_are_none_of_mail_are_not_used(name):
    """Only the sets of the tables are: Python has codecs whose cost is not linear."""
    assert charset.decode(b"\\x41 eJw=", name) == "\\x41 eJw="


NAMES = [
    *(
        "utf-8",
        "utf-7",
        "utf-16",
        "utf-32",
        "iso-2022-jp",
        "shift_jis",
        "euc-jp",
        "gb18030",
        "big5",
        "euc-kr",
        "johab",
    ),
    *("iso-2022-kr", "hz-gb-2312", "koi8-r", "iso-8859-1", "windows-1253", "us-ascii", "x"),
]


@given(st.binary(max_size=200), st.sampled_from(NAMES))
def test_any_octets_are_text_in_any_set(data, name):
    """And text that can be stored: no half of a surrogate pair."""
    charset.decode(data, name).encode("utf-8")


@given(
    st.text(st.sampled_from("あア漢①ｱ a\n"), max_size=30), st.sampled_from(["cp932", "euc_jp", "iso2022_jp"])
)
def test_japanese_text_survives(text, codec):
    """In each of the three sets, where that has the characters."""
    data = text.encode(codec, "replace")
    name = {"cp932": "shift_jis", "euc_jp": "euc-jp", "iso2022_jp": "iso-2022-jp"}[codec]
    assert charset.decode(data, name) == data.decode(codec)
