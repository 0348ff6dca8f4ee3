"""Fixtures live beside the server that they start: one module of tests/servers for each."""

pytest_plugins = [
    "tests.servers.nats",
    "tests.servers.postgres",
    "tests.servers.smtp_sink",
    "tests.servers.dns",
    "tests.servers.otlp",
    "tests.servers.versitygw",
]
