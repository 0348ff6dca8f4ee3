"""What the sink keeps: letters and envelopes in a folder."""

from __future__ import annotations

import json

import pytest

from yubin.outside.letters import Letters, subject

ENVELOPE = {
    "peer": "127.0.0.1:1",
    "helo": "me",
    "sender": "a@b.example",
    "recipients": ("u@accepts.example",),
    "tls": "TLSv1.3",
}


def test_letters_are_numbered_through_a_restart(tmp_path):
    """A new process goes on counting; nothing is written over."""
    first = Letters(tmp_path / "new")
    assert [first.add(b"Subject: one\r\n\r\nx", ENVELOPE).number for _ in range(2)] == [1, 2]
    assert Letters(tmp_path / "new").add(b"Subject: three\r\n\r\nx", ENVELOPE).number == 3
    assert [(e.number, e.subject) for e in first.all()] == [(1, "one"), (2, "one"), (3, "three")]
    assert first.data(3) == b"Subject: three\r\n\r\nx"
    assert first.envelope(2).recipients == ("u@accepts.example",)


def test_an_envelope_of_another_version_is_read(tmp_path):
    """A field that this version does not know is passed over."""
    letters = Letters(tmp_path)
    letters.add(b"x", ENVELOPE)
    path = tmp_path / "000001.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"new": [1]}))
    assert letters.envelope(1).sender == "a@b.example"


def test_a_letter_that_is_not_there(tmp_path):
    """Asked for a wrong number: an error of its own."""
    with pytest.raises(FileNotFoundError):
        Letters(tmp_path).envelope(7)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"Subject: plain\r\n\r\nSubject: body", "plain"),
        (b"From: a\r\nSUBJECT:\r\n folded\r\n text\r\n\r\n", "folded text"),
        (b"Subject: =?utf-8?B?5pel5pys6Kqe?=\r\n\r\n", "日本語"),
        (b"Subject: =?iso-2022-jp?B?GyRCRnxLXDhsGyhC?=\r\n\r\n", "日本語"),
        ("Subject: 日本\r\n\r\n".encode(), "日本"),
        (b"Subject: =?nonsense?B?5pel?=\r\n\r\n", "=?nonsense?B?5pel?="),
        (b"no header", ""),
        (b"", ""),
    ],
)
def test_the_subject_is_decoded_where_it_can_be(data, text):
    """RFC 2047, or the octets as they are."""
    assert subject(data) == text
