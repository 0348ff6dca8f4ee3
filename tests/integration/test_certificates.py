"""The local CA: what it issues is accepted by both ends of a real handshake, and by nobody else's CA."""

import datetime as dt
import socket
import ssl
import stat
import threading

import pytest
from cryptography import x509

from yubin.runtime.certificates import Credentials, identity, issue, make_ca, pod_names


def serve(creds: Credentials, outcome: list[str]) -> tuple[int, threading.Thread]:
    """One mutual TLS handshake on a loopback port; what the server saw goes to ``outcome``."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(creds.ca))
    context.load_cert_chain(creds.cert, creds.key)
    context.verify_mode = ssl.CERT_REQUIRED
    listener = socket.create_server(("127.0.0.1", 0))

    def run() -> None:
        with listener:
            peer, _ = listener.accept()
            peer.settimeout(10)
            with peer:
                try:
                    with context.wrap_socket(peer, server_side=True) as tls:
                        shown = tls.getpeercert(binary_form=True)
                        outcome.append(identity(x509.load_der_x509_certificate(shown)) or "nobody")
                        tls.sendall(b"x")
                except ssl.SSLError as error:
                    outcome.append(error.reason)
                except ConnectionError:
                    outcome.append("gone")

    thread = threading.Thread(target=run)
    thread.start()
    return listener.getsockname()[1], thread


def call(port: int, ca, creds: Credentials | None, name: str) -> None:
    context = ssl.create_default_context(cafile=str(ca))
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    if creds is not None:
        context.load_cert_chain(creds.cert, creds.key)
    with (
        socket.create_connection(("127.0.0.1", port), timeout=10) as raw,
        context.wrap_socket(raw, server_hostname=name) as tls,
    ):
        if tls.recv(1) != b"x":
            raise ConnectionError("closed")


@pytest.mark.parametrize("name", ["delivery.pod.yubin", "localhost", "127.0.0.1", "::1"])
def test_pod_certificate_serves_and_calls(tmp_path, name):
    """One certificate does for server and client, under each of its names, and says which pod calls."""
    outcome: list[str] = []
    server, client = issue(tmp_path, "delivery"), issue(tmp_path, "api")
    port, thread = serve(server, outcome)
    call(port, server.ca, client, name)
    thread.join(10)
    assert outcome == ["api"]


def test_stranger_is_refused(tmp_path):
    """CASES L1: no certificate, or one of another CA, does not get through; nor does a server of another CA."""
    ours, theirs = issue(tmp_path / "a", "delivery"), issue(tmp_path / "b", "delivery")
    for credentials, trusted in ((None, ours.ca), (theirs, ours.ca), (ours, theirs.ca)):
        outcome: list[str] = []
        port, thread = serve(ours, outcome)
        with pytest.raises((ssl.SSLError, ConnectionError)):
            call(port, trusted, credentials, "delivery.pod.yubin")
        thread.join(10)
        assert outcome != ["delivery"]


def test_other_name_is_refused(tmp_path):
    """CASES L1: a certificate of the right CA does not stand for another pod."""
    outcome: list[str] = []
    creds = issue(tmp_path, "delivery")
    port, thread = serve(creds, outcome)
    with pytest.raises(ssl.SSLCertVerificationError):
        call(port, creds.ca, creds, "directory.pod.yubin")
    thread.join(10)
    assert outcome != ["delivery"]


def test_private_keys_are_for_the_owner_only(tmp_path):
    """Keys are 0600, certificates readable by all (a mail program must trust ca.pem)."""
    creds = issue(tmp_path, "api")
    for key in (creds.key, tmp_path / "ca.key"):
        assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert stat.S_IMODE(creds.ca.stat().st_mode) == 0o644
    assert not list(tmp_path.glob(".*")), "nothing half-written stays behind"


def test_what_holds_is_left_alone_and_what_nears_its_end_is_renewed(tmp_path):
    """Called at each start: same files while they hold; a new leaf 30 days before the end, a new CA likewise."""
    start = dt.datetime(2030, 1, 1, tzinfo=dt.UTC)
    creds = issue(tmp_path, "api", now=start)
    first, ca = creds.cert.read_bytes(), creds.ca.read_bytes()
    issue(tmp_path, "api", now=start + dt.timedelta(days=366))
    assert creds.cert.read_bytes() == first
    issue(tmp_path, "api", now=start + dt.timedelta(days=368))
    second = creds.cert.read_bytes()
    assert second != first
    assert creds.ca.read_bytes() == ca
    issue(tmp_path, "api", now=start + dt.timedelta(days=3630))
    assert creds.ca.read_bytes() != ca
    assert creds.cert.read_bytes() != second


def test_other_names_or_a_broken_file_make_a_new_one(tmp_path):
    """A crash between key and certificate, another list of names, a lost CA: the next start mends it."""
    creds = issue(tmp_path, "mail", ["mail.example", "192.0.2.1"])
    first = creds.cert.read_bytes()
    issue(tmp_path, "mail", ["mail.example", "192.0.2.2"])
    second = creds.cert.read_bytes()
    assert second != first
    creds.key.write_bytes(issue(tmp_path, "other").key.read_bytes())
    issue(tmp_path, "mail", ["mail.example", "192.0.2.2"])
    third = creds.cert.read_bytes()
    assert third != second
    (tmp_path / "ca.key").unlink()
    issue(tmp_path, "mail", ["mail.example", "192.0.2.2"])
    assert creds.cert.read_bytes() != third


def test_a_mail_programs_certificate_is_nobody_inside(tmp_path):
    """Only a name that ends in .pod.yubin is an identity."""
    make_ca(tmp_path)
    load = x509.load_pem_x509_certificate
    assert identity(load(issue(tmp_path, "smtp", ["localhost"]).cert.read_bytes())) is None
    assert identity(load(issue(tmp_path, "api", pod_names("api")).cert.read_bytes())) == "api"
