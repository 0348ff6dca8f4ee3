"""Which DNS servers a setting or this machine names."""

from __future__ import annotations

import pytest

from services.resolver.config import Settings, families
from yubin.dns import servers


def test_servers_of_a_setting():
    """IPv4 and IPv6, with and without a port."""
    found = servers.parse("127.0.0.1:5353, 192.0.2.1,[::1]:54,2001:db8::1")
    assert found == (("127.0.0.1", 5353), ("192.0.2.1", 53), ("::1", 54), ("2001:db8::1", 53))


@pytest.mark.parametrize(
    "text", ["dns.example:53", "127.0.0.1:0", "127.0.0.1:x", "[::1]53x", "1.2.3.4:70000"]
)
def test_a_server_that_cannot_be_read_is_an_error(text):
    """A name would need a DNS server to find the DNS server."""
    with pytest.raises(ValueError, match="not a DNS server"):
        servers.parse(text)


def test_servers_of_this_machine(tmp_path):
    """resolv.conf(5): the nameserver lines, or this machine without any."""
    conf = tmp_path / "resolv.conf"
    conf.write_text("# x\nnameserver 192.0.2.9\nsearch example\nnameserver ::1\n")
    assert servers.of_this_machine(conf) == (("192.0.2.9", 53), ("::1", 53))
    assert servers.of_this_machine(tmp_path / "none") == (("127.0.0.1", 53),)


def test_a_wrong_list_names_its_variable():
    """An operator reads which variable is wrong, and the pod does not start."""
    for name, value in {
        "dns_servers": "x:y",
        "inside_networks": "10.0.0.1/8",
        "address_families": "ipv5",
    }.items():
        with pytest.raises(ValueError, match=f"YUBIN_{name.upper()}"):
            Settings(insecure=True, **{name: value})


def test_nothing_inside_is_allowed_by_default():
    """CASES D5: the setting of inside networks is empty."""
    settings = Settings(insecure=True)
    assert settings.rules.inside == ()
    assert settings.rules.families == ("A", "AAAA")
    assert families("ipv6") == ("AAAA",)
