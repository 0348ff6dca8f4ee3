"""gRPC between pods: mutual TLS, channels to every instance of a pod, the server's side in gate.py, the client's in calls.py.

The options are what a cluster needs: a server ends connections after a while and a client asks DNS again, so that new
pods are found and old ones left.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import grpc

from yubin.runtime.calls import interceptors
from yubin.runtime.gate import DOMAIN

MESSAGE_LIMIT = 4 * 1024 * 1024

SERVER_OPTIONS = (
    ("grpc.max_connection_age_ms", 90_000),  # with jitter by gRPC: clients find new pods
    ("grpc.max_connection_age_grace_ms", 60_000),
    ("grpc.max_receive_message_length", MESSAGE_LIMIT),
    ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
    ("grpc.http2.max_ping_strikes", 2),
    ("grpc.max_concurrent_streams", 1000),
)
CLIENT_OPTIONS = (
    ("grpc.lb_policy_name", "round_robin"),
    ("grpc.dns_min_time_between_resolutions_ms", 5_000),
    ("grpc.max_receive_message_length", MESSAGE_LIMIT),
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 3_000),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.service_config", json.dumps({"loadBalancingConfig": [{"round_robin": {}}]})),
)


def channel(
    target: str, pod: str, *, ca: Path | None, cert: Path | None, key: Path | None
) -> grpc.aio.Channel:
    """To every instance of ``pod`` behind ``target`` (host:port). Without a CA: in clear, for tests."""
    where = target if "://" in target else f"dns:///{target}"
    if ca is None or cert is None or key is None:
        return grpc.aio.insecure_channel(where, options=CLIENT_OPTIONS, interceptors=interceptors())
    credentials = grpc.ssl_channel_credentials(ca.read_bytes(), key.read_bytes(), cert.read_bytes())
    options = (*CLIENT_OPTIONS, ("grpc.ssl_target_name_override", pod + DOMAIN))
    return grpc.aio.secure_channel(where, credentials, options=options, interceptors=interceptors())


def server_credentials(ca: Path, cert: Path, key: Path) -> grpc.ServerCredentials:
    """Mutual TLS; files that were renewed are read before the next handshake.

    Only then: gRPC replaces its configuration while other handshakes use it (grpc/grpc#36693), so that a server that
    gives it a new one each time is killed by twenty strangers who connect at once.
    """
    files = (ca, cert, key)
    known = _stamps(files)

    def read() -> grpc.ServerCertificateConfiguration:
        return grpc.ssl_server_certificate_configuration(
            [(key.read_bytes(), cert.read_bytes())], ca.read_bytes()
        )

    def renewed() -> grpc.ServerCertificateConfiguration | None:
        nonlocal known
        if (stamps := _stamps(files)) == known:
            return None
        configuration, known = read(), stamps
        return configuration

    # type: the stubs do not know that None means "as before"
    return grpc.dynamic_ssl_server_credentials(read(), renewed, require_client_authentication=True)  # type: ignore[arg-type]


def _stamps(files: Sequence[Path]) -> list[tuple[int, int, int]]:
    """A file that is written anew, put in place of another, or behind a link that is turned, has another one."""
    found = [path.stat() for path in files]
    return [(stat.st_mtime_ns, stat.st_ino, stat.st_size) for stat in found]
