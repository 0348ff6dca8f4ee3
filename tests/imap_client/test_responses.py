"""The client that the tests of IMAP trust: it reads what RFC 9051 9 allows, and nothing else."""

from __future__ import annotations

import pytest

from tests.imap_client.responses import Inbox, read


def test_a_fetch_with_literals_octet_by_octet():
    """However the octets are cut, the same values come, and not before the last octet."""
    said = b'* 12 FETCH (UID 7 BODY[HEADER.FIELDS (FROM)]<0> {9}\r\nA)\r\n* 1 \r RFC822.SIZE 44 X ("a\\"b" NIL))\r\n'
    inbox = Inbox()
    for octet in said[:-1]:
        inbox.feed(bytes([octet]))
        assert inbox.next() is None
    inbox.feed(said[-1:])
    found = inbox.next()
    assert (found.name, found.number) == ("FETCH", 12)
    assert found.fetched() == {
        "UID": 7,
        "BODY[HEADER.FIELDS (FROM)]<0>": b"A)\r\n* 1 \r",
        "RFC822.SIZE": 44,
        "X": [b'a"b', None],
    }
    assert inbox.next() is None


def test_status_with_a_code():
    """Codes are words too; what people read stays as it is."""
    found = read(b"t3 OK [COPYUID 38505 304,319:320 3956:3958] Done [truly]\r\n")
    assert (found.tag, found.name, found.code_name) == (b"t3", "OK", "COPYUID")
    assert found.code == [b"COPYUID", 38505, b"304,319:320", b"3956:3958"]
    assert found.text == b"Done [truly]"
    assert read(b"* OK [PERMANENTFLAGS (\\Deleted \\*)] Kept\r\n").code == [
        b"PERMANENTFLAGS",
        [b"\\Deleted", b"\\*"],
    ]


def test_what_comes_beside_fetch():
    """Numbers in front, lists behind, and nothing at all."""
    assert read(b"* 23 EXISTS\r\n").number == 23
    assert read(b"* SEARCH\r\n").values == []
    assert read(b"* SEARCH 2 84 882\r\n").values == [2, 84, 882]
    assert read(b'* ESEARCH (TAG "t1") UID COUNT 17 ALL 4:18,21\r\n').values == [
        [b"TAG", b"t1"], b"UID", b"COUNT", 17, b"ALL", b"4:18,21",
    ]  # fmt: skip
    assert read(b"* VANISHED (EARLIER) 41,43:116\r\n").values == [[b"EARLIER"], b"41,43:116"]
    assert read(b"+ idling\r\n").tag == b"+"


@pytest.mark.parametrize(
    "said",
    [
        b"* 1 FETCH (UID 7  FLAGS ())\r\n",  # two spaces
        b"* 1 FETCH (UID 7 FLAGS ()\r\n",  # no end
        b'* 1 FETCH (X "a\r\n',
        b"* 1 FETCH (UID 7) \r\nx",
        b"* LIST () (a\r\n",
    ],
)
def test_what_is_no_response(said):
    """The reader can fail."""
    with pytest.raises(ValueError, match=r"no |at "):
        read(said)


def test_an_item_twice():
    """A FETCH names each of its items once."""
    with pytest.raises(ValueError, match="twice"):
        read(b"* 1 FETCH (UID 7 UID 7)\r\n").fetched()
