"""Settings of the submission pod: what would let a password travel in clear is an error at start."""

import pytest
from pydantic import ValidationError

from services.submission.config import Settings

GOOD = {
    "insecure": True,
    "hostname": "mail.test",
    "ledger_url": "memory:",
    "objects_url": "memory:",
    "smtp_tls_cert": "cert.pem",
    "smtp_tls_key": "key.pem",
}


def test_the_shipped_settings_need_a_certificate():
    """AUTH is behind TLS, on both ports."""
    assert Settings(**GOOD).terms().auth_without_tls is False


@pytest.mark.parametrize(
    "wrong",
    [
        {"smtp_tls_cert": None, "smtp_tls_key": None},
        {"smtp_tls_key": None},
        {"auth_without_tls": True},
        {"auth_without_tls": True, "submission_listen": "127.0.0.1:0"},
        {"auth_without_tls": True, "submission_listen": "mail.test:0", "submissions_listen": ""},
        {
            "smtp_tls_cert": None,
            "smtp_tls_key": None,
            "auth_without_tls": True,
            "submission_listen": "127.0.0.1:0",
        },
        {"submission_listen": "nowhere"},
    ],
)
def test_what_would_be_insecure_is_refused(wrong):
    """CASES F4: passwords in clear on loopback addresses only."""
    with pytest.raises(ValidationError):
        Settings(**(GOOD | wrong))


def test_benchmarks_may_listen_on_loopback_without_tls():
    """The one place where AUTH works in clear."""
    settings = Settings(
        **(GOOD | {"smtp_tls_cert": None, "smtp_tls_key": None}),
        auth_without_tls=True,
        submission_listen="127.0.0.1:0",
        submissions_listen="",
    )
    assert settings.terms().auth_without_tls
