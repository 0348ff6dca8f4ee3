"""A real PostgreSQL, started once for the whole run, and an empty database for each test.

It runs under an unprivileged account when we are root (initdb refuses root), listens on a free loopback port and on a
socket in its own folder, and is stopped by its process id. fsync is off: what the tests kill are processes, not machines.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest

from tests.servers.ports import free_port

EMPTIED = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid();
DO $$ DECLARE one text; BEGIN
    FOR one IN SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' LOOP
        EXECUTE format('DROP SCHEMA %I CASCADE', one);
    END LOOP;
    EXECUTE format('ALTER DATABASE %I RESET ALL', current_database());
END $$;
CREATE SCHEMA public;
"""
MISSING = "no initdb under /usr/lib/postgresql/*/bin or on the PATH: install the Debian package postgresql"


class Postgres:
    """``dsn(database)`` is its address. ``kill`` or ``crash``, and ``start``, make it go away and come back."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder, self._settings = folder, settings
        self.bin = _binaries()
        self.account = _account()
        self.port = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._names = count(1)
        self._empty: list[str] = []

    def init(self) -> None:
        if self.account:
            os.chown(self.folder, self.account.pw_uid, self.account.pw_gid)
        self._run(
            "initdb",
            "-D",
            self.data,
            "-U",
            "yubin",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--no-sync",
            "--locale=C.UTF-8",
        )

    def follow(self, primary: Postgres) -> None:
        """Instead of ``init``: a copy of that one, which follows it (streaming replication) once it is started."""
        if self.account:
            os.chown(self.folder, self.account.pw_uid, self.account.pw_gid)
        self._run(
            "pg_basebackup", "-D", self.data, "-d", primary.dsn("postgres"), "-R", "-c", "fast", "--no-sync"
        )

    def promote(self) -> None:
        """It takes writes when this returns."""
        self._run("pg_ctl", "promote", "-D", self.data)

    def start(self) -> None:
        self.port = self.port or free_port()
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": str(self.folder),
            "fsync": "off",
            "full_page_writes": "off",
            "max_connections": "200",
            "shared_buffers": "64MB",
            **self._settings,
        }
        options = [f"--{name}={value}" for name, value in settings.items()]
        log = (self.folder / "log").open("ab")
        self._process = subprocess.Popen(
            [*self._as_account(), self.bin / "postgres", "-D", self.data, *options], stdout=log, stderr=log
        )
        log.close()
        self._wait_until_ready()

    def kill(self) -> None:
        """As the machine's failure would: no goodbye to clients, no shutdown checkpoint."""
        assert self._process
        self._process.send_signal(
            signal.SIGQUIT
        )  # immediate shutdown: SIGKILL would leave its children behind
        self._process.wait(30)

    def crash(self) -> None:
        """SIGKILL of the server and of all that it has started, at once: the next ``start`` recovers from the WAL."""
        assert self._process
        self._signal(signal.SIGKILL)
        self._process.wait(30)

    def pause(self) -> None:
        """The server and its children answer nothing, and close nothing, as a machine that hangs."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._signal(signal.SIGCONT)

    def stop(self) -> None:
        if self._process and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(30)

    def dsn(self, database: str) -> str:
        return f"postgresql://yubin@127.0.0.1:{self.port}/{database}"

    def fresh(self) -> str:
        """The address of an empty database: one that was given back, or a new one."""
        if self._empty:
            return self._empty.pop()
        name = f"test_{os.getpid()}_{next(self._names)}"
        self.sql("postgres", f"CREATE DATABASE {name} TEMPLATE template0")
        return self.dsn(name)

    def drop(self, dsn: str) -> None:
        """Nobody is connected any longer and nothing is in it: the next test may have it, for a fifth of a new one's CPU."""
        self.sql(dsn.rpartition("/")[2], EMPTIED)
        self._empty.append(dsn)

    def sql(self, database: str, text: str) -> str:
        return self._run(
            "psql", "-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-d", self.dsn(database), "-c", text
        )

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def data(self) -> str:
        return str(self.folder / "data")

    def _signal(self, number: int) -> None:
        """To the server and to all that it has started."""
        assert self._process
        pid = self._process.pid
        self._process.send_signal(signal.SIGSTOP)  # it starts nobody meanwhile
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        for one in (*map(int, children), pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(one, number)

    def _wait_until_ready(self) -> None:
        assert self._process
        deadline = time.monotonic() + 30
        while subprocess.run(
            [self.bin / "pg_isready", "-q", "-d", self.dsn("postgres")], check=False
        ).returncode:
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError((self.folder / "log").read_text()[-2000:])
            time.sleep(0.05)

    def _run(self, program: str, *args: str) -> str:
        done = subprocess.run(
            [*self._as_account(), self.bin / program, *args],
            check=False,
            capture_output=True,
            text=True,
            cwd=self.folder,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def _as_account(self) -> list[str]:
        """What goes before a command. Popen's ``user`` would fork, which gRPC's threads in this process do not survive in the child."""
        if not self.account:
            return []
        ids = (f"--reuid={self.account.pw_uid}", f"--regid={self.account.pw_gid}")
        return ["setpriv", *ids, "--clear-groups"]


def _binaries() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    on_path = shutil.which("initdb")
    if not found and not on_path:
        pytest.fail(MISSING, pytrace=False)
    return (found[-1] if found else Path(str(on_path)).resolve()).parent


def _account() -> pwd.struct_passwd | None:
    """Who runs the server; None is ourselves."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        return pwd.getpwnam("nobody")


@contextmanager
def postgres() -> Iterator[Postgres]:
    """A server of one's own."""
    folder = Path(tempfile.mkdtemp(prefix="yubin-pg-"))
    server = Postgres(folder)
    try:
        server.init()
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Postgres]:
    """The one server of this run. A test that kills it starts it again."""
    with postgres() as server:
        yield server


@pytest.fixture
def postgres_dsn(postgres_server: Postgres) -> Iterator[str]:
    """The address of a database in which nothing is."""
    dsn = postgres_server.fresh()
    yield dsn
    postgres_server.drop(dsn)
