"""Which object store an address names: ``memory:``, ``file:///absolute/folder``, ``s3://bucket/prefix`` (or gs, az)."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from yubin.objects.port import Objects


async def open_objects(url: str) -> Objects:
    """Credentials of a cloud store come from its own usual environment. Raises ValueError for another address.

    A query carries obstore's settings: ``s3://bucket/prefix?endpoint=https://…&region=…``.
    """
    parts = urlsplit(url)
    match parts.scheme:
        case "memory":
            from yubin.objects.memory import MemoryObjects

            return MemoryObjects()
        case "file":
            from yubin.objects.folder import FolderObjects  # late: a pod loads one adapter, not all

            return FolderObjects(Path(parts.path))
        case "s3" | "gs" | "az":
            return cloud(url)
    raise ValueError(f"objects are memory:, file:///folder or s3://bucket, not {parts.scheme}:")


def cloud(url: str, *, clock: Callable[[], float] = time.time) -> Objects:
    from obstore.store import from_url

    from yubin.objects.store import TIMEOUT, StoreObjects

    parts = urlsplit(url)
    config: Any = dict(parse_qsl(parts.query))
    plain = config.get("endpoint", "").startswith("http://")
    client: Any = {"timeout": "10s", "connect_timeout": "5s", "allow_http": plain}
    retries: Any = {"max_retries": 3, "retry_timeout": timedelta(seconds=TIMEOUT)}
    address = parts._replace(query="").geturl()
    store = from_url(address, config=config or None, client_options=client, retry_config=retries)
    return StoreObjects(store, clock=clock)
