"""Which object store an address names: ``memory:``, ``file:///absolute/folder``, ``s3://bucket/prefix`` (or gs, az)."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from yubin.objects.port import Objects


async def open_objects(url: str) -> Objects:
    """Credentials of a cloud store come from its own usual environment. Raises ValueError for another address."""
    parts = urlsplit(url)
    match parts.scheme:
        case "memory":
            from yubin.objects.memory import MemoryObjects

            return MemoryObjects()
        case "file":
            from yubin.objects.folder import FolderObjects  # late: a pod loads one adapter, not all

            return FolderObjects(Path(parts.path))
        case "s3" | "gs" | "az":
            from obstore.store import from_url

            from yubin.objects.store import StoreObjects

            return StoreObjects(from_url(url))
    raise ValueError(f"objects are memory:, file:///folder or s3://bucket, not {parts.scheme}:")
