"""The PROXY header: both versions, at every cut, and nothing else."""

import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yubin.errors import Invalid
from yubin.smtp.proxy import LIMIT, SIGNATURE, Header, read


def v2(source, destination, port, *, command=0x21, more=b""):
    """As a load balancer writes it."""
    family = socket.AF_INET6 if ":" in source else socket.AF_INET
    addresses = b"".join(socket.inet_pton(family, a) for a in (source, destination))
    inside = addresses + port.to_bytes(2, "big") + (25).to_bytes(2, "big") + more
    kind = 0x21 if ":" in source else 0x11
    return SIGNATURE + bytes([command, kind]) + len(inside).to_bytes(2, "big") + inside


KNOWN = [
    (b"PROXY TCP4 192.0.2.7 198.51.100.1 4711 25\r\n", "192.0.2.7", 4711),
    (b"PROXY TCP6 2001:db8::7 2001:db8::1 4711 25\r\n", "2001:db8::7", 4711),
    (b"PROXY TCP6 ::ffff:192.0.2.7 ::1 4711 25\r\n", "192.0.2.7", 4711),
    (b"PROXY UNKNOWN\r\n", "", 0),
    (b"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n", "", 0),
    (v2("192.0.2.7", "198.51.100.1", 4711), "192.0.2.7", 4711),
    (v2("2001:db8::7", "2001:db8::1", 4711, more=b"\x04\x00\x01x"), "2001:db8::7", 4711),
    (v2("192.0.2.7", "198.51.100.1", 4711, command=0x20), "", 0),
    (SIGNATURE + b"\x21\x00\x00\x00", "", 0),
]


@pytest.mark.parametrize(("header", "peer", "port"), KNOWN)
def test_who_is_behind_the_proxy(header, peer, port):
    """Its address at any cut of the stream; what comes behind is left alone."""
    assert read(header + b"EHLO c.test\r\n") == Header(length=len(header), peer=peer, port=port)
    assert [read(header[:cut]) for cut in range(len(header))] == [None] * len(header)


@pytest.mark.parametrize(
    "junk",
    [
        b"EHLO c.test\r\n",
        b"PROXIED",
        b"PROXY TCP4 192.0.2.7\r\n",
        b"PROXY TCP4 999.0.2.7 198.51.100.1 1 2\r\n",
        b"PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n",
        b"PROXY TCP4 192.0.2.7 198.51.100.1 65536 25\r\n",
        b"PROXY TCP4 192.0.2.7 198.51.100.1 x 25\r\n",
        b"PROXY TCP4 " + b"1" * 200,
        b"PROXY TCP9 a b 1 2\r\n",
        b"PROXY \r\n",
        SIGNATURE + b"\x11\x11\x00\x0c" + b"x" * 12,
        SIGNATURE + b"\x21\x11\x00\x04abcd",
        SIGNATURE + b"\x21\x11" + (LIMIT + 1).to_bytes(2, "big"),
    ],
)
def test_what_is_no_header(junk):
    """Refused as soon as it can be told, and never waited for beyond its limit."""
    with pytest.raises(Invalid):
        read(junk)


@given(
    st.binary(max_size=200),
    st.sampled_from([b"", b"PROXY ", b"PROXY TCP4 ", SIGNATURE, SIGNATURE + b"\x21\x11"]),
)
def test_whatever_stands_there(tail, head):
    """CASES F3: a header, a wish for more, or Invalid; never another exception."""
    try:
        found = read(head + tail)
    except Invalid:
        return
    assert found is None or 0 < found.length <= len(head + tail)
