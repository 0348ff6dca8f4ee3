"""Parsers against octets that nobody wrote: `make fuzz` for as long as you like, a second of it in every `make test`.

A target (targets.py) takes octets and fails by raising anything. With atheris (dev dependency, where there is a wheel) they
are found by coverage (covered.py), else by a plain mutator (mutator.py).
"""
