"""One canonical form for every domain and address, or a refusal."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yubin.errors import Invalid
from yubin.mail.address import Address, canonical, canonical_domain

DOT_LABEL = "a" * 63
TOO_LONG = ".".join(["a" * 49] * 5) + ".test"  # 254 octets


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Example.COM", "example.com"),
        ("example.com.", "example.com"),
        ("例え.テスト", "xn--r8jz45g.xn--zckzah"),
        ("XN--R8JZ45G.XN--zckzah.", "xn--r8jz45g.xn--zckzah"),
        ("日本語。JP", "xn--wgv71a119e.jp"),
        (f"{DOT_LABEL}.test", f"{DOT_LABEL}.test"),
        ("[192.0.2.1]", "[192.0.2.1]"),
        ("[ipv6:2001:DB8:0::1]", "[IPv6:2001:db8::1]"),
    ],
)
def test_every_spelling_of_a_domain_has_one_canonical_form(text, name):
    """CASES D11: case, trailing dot, U-labels and full-width dots all end in the same site."""
    assert canonical_domain(text) == name
    assert canonical_domain(name) == name


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "..",
        "a..test",
        "-a.test",
        "a-.test",
        "a_b.test",
        "a b.test",
        "a\r\n.test",
        "a.test\n",
        "xn--a",
        "xn--",
        "xn--abc-.test",
        f"{'a' * 64}.test",
        TOO_LONG,
        "日" * 300,
        "192.0.2.1",
        "[192.0.2.1",
        "[192.0.2.256]",
        "[IPv6:fe80::1%eth0]",
        "[]",
    ],
)
def test_what_is_no_domain_is_refused(text):
    """CASES D11: invalid xn--, a label of 64, 254 characters: 553 5.1.2."""
    with pytest.raises(Invalid) as refused:
        canonical_domain(text)
    assert (refused.value.code, refused.value.enhanced) == (553, "5.1.2")


@pytest.mark.parametrize(
    ("text", "local", "written"),
    [
        ("Alice.Smith+x@Example.TEST", "Alice.Smith+x", "Alice.Smith+x@example.test"),
        ('"Alice"@example.test', "Alice", "Alice@example.test"),
        ('"a b"@example.test', "a b", '"a b"@example.test'),
        (r'"a\"\\b"@example.test', 'a"\\b', r'"a\"\\b"@example.test'),
        ('"a@b"@example.test', "a@b", '"a@b"@example.test'),
        ("a..b@example.test", "a..b", '"a..b"@example.test'),
        ("a.@example.test", "a.", '"a."@example.test'),
        ("用户@例え.テスト", "用户", "用户@xn--r8jz45g.xn--zckzah"),
    ],
)
def test_an_address_is_kept_by_its_meaning(text, local, written):
    """Quotes are a way of writing (RFC 5321 4.1.2); dots that the RFC forbids are written in quotes."""
    address = Address.parse(text)
    assert address.local == local
    assert str(address) == written
    assert Address.parse(written) == address


@pytest.mark.parametrize(
    "text",
    ["", "a", "@example.test", "a@", "a@b@c.test", "a b@example.test", '"a@example.test', "a\x00@b.test", "a\r\n@b.test",
     '"a\r\nb"@b.test', "a\x80@b.test", f"{'a' * 250}@b.test"],
)  # fmt: skip
def test_what_is_no_address_is_refused(text):
    """Controls, line ends and NUL never get through, quoted or not: 553."""
    with pytest.raises(Invalid) as refused:
        Address.parse(text)
    assert refused.value.code == 553


def test_look_ups_ignore_case_and_normalization():
    """The canonical form is what the directory compares."""
    assert canonical("Alice@EXAMPLE.test.") == "alice@example.test"
    assert canonical("Cafe\u0301@example.test") == canonical("café@example.test")


@given(st.text(max_size=300))
def test_any_text_parses_to_a_fixed_point_or_is_refused(text):
    """What str() writes is read back as the same address, whatever was typed, and has no control character."""
    try:
        address = Address.parse(text)
    except Invalid:
        return
    assert Address.parse(str(address)) == address
    assert all(ch.isprintable() or ch.isspace() for ch in str(address) if ord(ch) < 0xA0)


def test_a_megabyte_costs_nothing():
    """DESIGN I7: a hostile address is refused without work that grows with it."""
    begin = time.process_time()
    for text in (
        "a" * 10**6,
        '"' + "\\" * 10**6,
        "a@" + "b." * 10**6,
        "a@" + "é" * 10**6,
        "." * 10**6 + "@b",
    ):
        with pytest.raises(Invalid):
            Address.parse(text)
    assert time.process_time() - begin < 0.5
