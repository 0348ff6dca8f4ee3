"""UTF8 (RFC 6856 2)."""

from tests.unit.pop3.world import World, inside


def test_utf8_is_asked_for_before_the_login():
    """RFC 6856 2: good in AUTHORIZATION only, without an argument."""
    assert World().lines("UTF8") == ["+OK UTF-8 it is"]
    assert World().lines("UTF8 x")[0].startswith("-ERR")
    assert inside().lines("UTF8")[0].startswith("-ERR")


def test_letters_come_as_they_are():
    """RFC 6532 headers are neither refused nor changed."""
    letter = "Subject: 郵便\r\n\r\n".encode()
    assert letter in inside(letters=[letter]).say(b"RETR 1\r\n")
