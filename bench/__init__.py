"""Benchmarks: CPU per operation, ours and a peer's in turn (docs/bench.md says how to read them)."""
