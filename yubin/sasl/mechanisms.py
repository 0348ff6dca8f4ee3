"""The mechanisms that a server offers, by name, in the order in which it names them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from yubin.sasl.login import Login
from yubin.sasl.mechanism import Mechanism
from yubin.sasl.plain import Plain

SERVER: Mapping[str, Callable[[], Mechanism]] = {Plain.name: Plain, Login.name: Login}
