"""Writes docs/metrics.md from the metrics themselves, as the pods' code registers them. `make docs` runs it."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

from prometheus_client import REGISTRY

from yubin.up.config import POD_NAMES

PAGE = Path(__file__).parents[1] / "docs" / "metrics.md"
HEAD = """# Metrics

Made by `make docs` from the code; do not edit. Each pod shows its own at `http://YUBIN_METRICS_LISTEN/metrics`, beside those
of the client library (`process_…`, `python_…`). Units are seconds and bytes. No label holds a domain, an address or a
tenant: `provider` comes from a fixed table. Which of them to alert on stands in [operating.md](operating.md).

| metric | kind | labels | meaning |
|---|---|---|---|"""


def page() -> str:
    """The whole page as it should be."""
    return "\n".join([HEAD, *sorted(_rows())]) + "\n"


def names() -> set[str]:
    """Every metric as Prometheus calls it: counters end in _total, histograms in _bucket, _count and _sum."""
    found = set()
    for name, kind, _, _ in _metrics():
        found |= {f"{name}_{end}" for end in ("bucket", "count", "sum")} if kind == "histogram" else {name}
    return found


def _rows() -> Iterator[str]:
    for name, kind, labels, about in _metrics():
        yield f"| `{name}` | {kind} | {', '.join(f'`{label}`' for label in labels)} | {about.rstrip('.')} |"


def _metrics() -> Iterator[tuple[str, str, tuple[str, ...], str]]:
    for pod in POD_NAMES:
        import_module(f"services.{pod}.app")
    for collector in list(REGISTRY._collector_to_names):  # noqa: SLF001 - the only list of them that there is
        for metric in getattr(collector, "describe", list)():
            if metric.name.startswith("yubin_"):
                end = "_total" if metric.type == "counter" else ""
                labels = tuple(getattr(collector, "_labelnames", ()))
                yield f"{metric.name}{end}", metric.type, labels, metric.documentation


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
