"""Settings of the mx pod."""

import pytest
from pydantic import ValidationError

from services.mx.config import Settings

GOOD = {"insecure": True, "hostname": "mx.test", "ledger_url": "memory:", "objects_url": "memory:"}


def test_the_shipped_settings():
    """RFC 5321 4.5.3.1.8 and CASES I4: a hundred recipients, fifty hops; nobody is trusted."""
    settings = Settings(**GOOD)
    terms = settings.terms()
    assert terms.recipients == 100
    assert settings.hops == 50
    assert terms.proxies == settings.filters == ()
    assert terms.mechanisms == ()
    assert not settings.reveal_moved


@pytest.mark.parametrize(
    "wrong",
    [
        {"smtp_tls_cert": "cert.pem"},
        {"smtp_tls_key": "key.pem"},
        {"mx_listen": "nowhere"},
        {"recipients": 99},
        {"hops": 49},
        {"hops": 101},
        {"over_quota": "450"},
        {"proxy_from": "10.0.0.0/8, balancer.test"},
        {"trusted_filters": "10.0.0.1/8"},
        {"spam_header": "X-Spam-Flag"},
        {"spam_header": "X-Spam-Flag: "},
        {"postmaster": "nobody"},
    ],
)
def test_what_makes_no_sense_is_refused_at_start(wrong):
    """No pod runs half-configured."""
    with pytest.raises(ValidationError):
        Settings(**(GOOD | wrong))


def test_networks_are_read():
    """One list of networks for filters, one for proxies."""
    settings = Settings(**GOOD, proxy_from="10.1.0.0/16,fd00::/8", trusted_filters=" 192.0.2.7 ")
    assert [str(n) for n in settings.terms().proxies] == ["10.1.0.0/16", "fd00::/8"]
    assert [str(n) for n in settings.filters] == ["192.0.2.7/32"]
