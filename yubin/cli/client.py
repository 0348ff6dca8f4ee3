"""The yubin command's side of the api pod: where it is, who we are, and errors that say what to do.

The settings come from the options, else from the environment, else from ``cli.toml`` in the state folder of
``make run`` (``YUBIN_STATE``, else ``./state``): keys ``api``, ``token_file``, ``ca``.
"""

from __future__ import annotations

import os
import ssl
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import click

from yubin.cli.output import escaped

if TYPE_CHECKING:
    import httpx

PROFILE = "cli.toml"
TIMEOUT = 30.0
PIECE = 256 * 1024  # octets of an answer that are looked at together


class Refused(click.ClickException):
    """One line on standard error, exit status 1. ``status`` and ``enhanced`` are the api's, 0 and "" before it answers."""

    def __init__(self, message: str, *, status: int = 0, enhanced: str = "") -> None:
        super().__init__(message)
        self.status, self.enhanced = status, enhanced


@dataclass(frozen=True, kw_only=True)
class Connection:
    """``ca`` None: the system's own certificate authorities."""

    api: str
    token: str
    ca: Path | None


def find(
    api: str | None, token_file: Path | None, ca: Path | None, environ: Mapping[str, str] = os.environ
) -> Connection:
    """Raises Refused with what is missing and where it could be given."""
    folder = Path(environ.get("YUBIN_STATE") or "state")
    profile = _profile(folder / PROFILE)
    url = api or environ.get("YUBIN_API") or profile.get("api")
    if not url:
        raise Refused(
            "I do not know where the api is: start a system here with `make run`, "
            "or give --api URL (or set YUBIN_API)"
        )
    token_path = (
        token_file
        or _path(environ.get("YUBIN_API_TOKEN_FILE"), Path())
        or _path(profile.get("token_file"), folder)
    )
    token = environ.get("YUBIN_API_TOKEN", "") if token_file is None else ""
    if not token:
        if token_path is None:
            raise Refused("no token: give --token-file FILE (or set YUBIN_API_TOKEN_FILE)")
        token = _token(token_path)
    authority = ca or _path(environ.get("YUBIN_API_CA"), Path()) or _path(profile.get("ca"), folder)
    return Connection(api=url.rstrip("/"), token=token, ca=authority)


def _profile(path: Path) -> dict[str, str]:
    try:
        return {k: v for k, v in tomllib.loads(path.read_text("utf-8")).items() if isinstance(v, str)}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as e:
        raise Refused(f"{path} cannot be read: {e}") from e


def _path(text: str | None, folder: Path) -> Path | None:
    """Relative names in the profile are relative to it."""
    return folder / text if text else None


def _token(path: Path) -> str:
    try:
        token = path.read_text("utf-8").strip()
    except OSError as e:
        raise Refused(f"the token file {path} cannot be read: {e.strerror}") from e
    if not token:
        raise Refused(f"the token file {path} is empty")
    return token


class Api:
    """Calls of the api; answers are what JSON gives. Raises Refused.

    The connection is looked for at the first call: `yubin up` and every --help do without one.
    """

    def __init__(self, connect: Callable[[], Connection]) -> None:
        self._connect = connect
        self._client: httpx.Client | None = None

    @cached_property
    def _connection(self) -> Connection:
        return self._connect()

    def get(self, path: str, **query: str | int | None) -> Any:
        return self._call("GET", path, query={k: v for k, v in query.items() if v is not None})

    def pages(self, path: str, key: str, by: str, **query: str | None) -> list[Any]:
        """All pages of a list whose ``after`` is the last one's field ``by``."""
        found: list[Any] = []
        after = ""
        while True:
            part = self.get(path, after=after or None, limit=1000, **query)[key]
            found += part
            if len(part) < 1000:
                return found
            after = part[-1][by]

    def post(self, path: str, body: Any, headers: Mapping[str, str] | None = None) -> Any:
        return self._call("POST", path, body=body, headers=headers)

    def put(self, path: str, body: Any) -> Any:
        return self._call("PUT", path, body=body)

    def patch(self, path: str, body: Any) -> Any:
        return self._call("PATCH", path, body=body)

    def delete(self, path: str) -> None:
        self._call("DELETE", path)

    def upload(
        self, path: str, octets: bytes, media: str, *, query: Mapping[str, str], headers: Mapping[str, str]
    ) -> Any:
        """POST of what is no JSON."""
        return self._call(
            "POST", path, query=query, content=octets, headers={"content-type": media, **headers}
        )

    @contextmanager
    def download(self, path: str) -> Iterator[Iterator[bytes]]:
        """The octets of an answer as they come. Raises Refused, also in the middle where the api cut it short."""
        import httpx

        try:
            with self._http().stream("GET", path) as response:
                if not response.is_success:
                    response.read()
                    raise self._refused(response)
                yield response.iter_bytes(PIECE)
        except httpx.RemoteProtocolError as e:
            raise Refused("the api cut its answer short: look at its log, and try again") from e
        except httpx.HTTPError as e:
            raise self._unreachable(e) from e

    def close(self) -> None:
        """A connection left open would keep a stopping api waiting."""
        if self._client is not None:
            self._client.close()

    def _call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str | int] | None = None,
        body: Any = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        import httpx  # late: `yubin --help` must not pay for it

        try:
            response = self._http().request(
                method, path, params=query, json=body, content=content, headers=headers
            )
        except httpx.HTTPError as e:
            raise self._unreachable(e) from e
        if response.is_success:
            return response.json() if response.content else None
        raise self._refused(response)

    def _http(self) -> httpx.Client:
        import httpx

        if self._client is None:
            c = self._connection
            try:
                verify = ssl.create_default_context(cafile=str(c.ca) if c.ca else None)
                self._client = httpx.Client(
                    base_url=c.api,
                    headers={"authorization": f"Bearer {c.token}"},
                    verify=verify,
                    timeout=TIMEOUT,
                    trust_env=False,
                )
            except (OSError, ssl.SSLError) as e:
                raise Refused(f"the CA file {c.ca} cannot be read: {e}") from e
        return self._client

    def _unreachable(self, error: Exception) -> Refused:
        url = escaped(self._connection.api)
        text = str(error)
        if "CERTIFICATE_VERIFY_FAILED" in text:
            return Refused(
                f"the certificate of {url} is not trusted: give its CA with --ca FILE (or set YUBIN_API_CA)"
            )
        if "timed out" in text or "Timeout" in type(error).__name__:
            return Refused(f"{url} did not answer within {TIMEOUT:.0f} s: look at the api pod's log")
        if type(error).__name__ == "UnsupportedProtocol":
            return Refused(f"{url} is not a URL: give one like https://mail.example.org:8443")
        return Refused(
            f"{url} cannot be reached ({escaped(text)[:200]}): is the system running? `make run` starts one here"
        )

    def _refused(self, response: httpx.Response) -> Refused:
        try:
            problem = response.json()
            detail, enhanced = escaped(problem["detail"]), str(problem.get("enhanced", ""))
        except (ValueError, KeyError, TypeError):
            return Refused(
                f"{escaped(self._connection.api)} answered {response.status_code}, and not as a Yubin api would: is the URL right?",
                status=response.status_code,
            )
        if response.status_code == 401:
            detail = "the api does not accept the token: look at --token-file (or YUBIN_API_TOKEN_FILE)"
        return Refused(detail, status=response.status_code, enhanced=enhanced)


def segment(text: str) -> str:
    """A name or address as one part of a path."""
    return quote(text, safe="@")


pass_api = click.make_pass_decorator(Api)
