"""Traces made by hand, as for the rules."""

from tests.explain.conftest import make_net, make_trace

__all__ = ["make_net", "make_trace"]
