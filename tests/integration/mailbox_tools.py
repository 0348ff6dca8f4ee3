"""The yubin command against real pods: directory, mailbox and api, each its own process, over TLS."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager

from click.testing import CliRunner

from tests.integration.mailbox import House
from tests.integration.pod import Pod
from tests.servers.ports import free_ports
from yubin.cli.main import main
from yubin.runtime.certificates import issue

TOKEN = "operator-token-of-the-test"


class ApiPod(Pod):
    """Beside a House; ``state`` is a folder as `yubin up` leaves it."""

    name = "api"

    def __init__(self, house: House, **settings):
        self.state = house.folder / "state"
        self.state.mkdir()
        (self.port,) = free_ports(1)
        certificates = house.directory.certificates
        (self.state / "token").write_text(TOKEN)
        (self.state / "cli.toml").write_text(
            f'api = "https://127.0.0.1:{self.port}"\ntoken_file = "token"\nca = "{issue(certificates, "api").ca}"\n'
        )
        given = {
            "YUBIN_API_LISTEN": f"127.0.0.1:{self.port}",
            "YUBIN_API_TOKEN_FILE": str(self.state / "token"),
            "YUBIN_HOSTNAME": "mx.a.example",
            "YUBIN_LEDGER_URL": "memory:",
            "YUBIN_OBJECTS_URL": "memory:",
            "YUBIN_NATS_URL": "memory:",
            "YUBIN_DIRECTORY": f"127.0.0.1:{house.directory.port}",
            "YUBIN_MAILBOX": f"127.0.0.1:{house.mailbox.port}",
            "YUBIN_GRACE": "2",
            **settings,
        }
        super().__init__(house.folder, certificates, "api.log", given)


class Town:
    """A House with its api, and the command at it. ``run`` gives (exit status, standard output, standard error)."""

    def __init__(self, folder):
        self.house, self.folder = House(folder), folder
        self.api = None

    def open(self):
        asyncio.run(self.house.open())
        self.api = ApiPod(self.house)
        self.api.start()

    def run(self, *args, typed=None, **environ):
        env = {"YUBIN_STATE": str(self.api.state), "TZ": "UTC", "YUBIN_API_TOKEN": None, **environ}
        done = CliRunner().invoke(main, [str(arg) for arg in args], input=typed, env=env)
        return done.exit_code, done.stdout_bytes, done.stderr

    def good(self, *args, typed=None):
        status, out, err = self.run(*args, typed=typed)
        assert status == 0, (out, err)
        return out.decode()

    def fresh(self, name):
        """A new account."""
        self.good("user", "add", f"{name}@a.example", typed="correct horse\n")
        return f"{name}@a.example"

    def close(self):
        if self.api is not None:
            self.api.kill()
        self.house.close()


@contextmanager
def town(folder):
    made = Town(folder)
    try:
        made.open()
        yield made
    finally:
        made.close()
