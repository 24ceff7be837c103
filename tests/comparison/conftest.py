"""Traces made by hand, as for the rules, and the command within this process."""

from tests.cli.conftest import run
from tests.explain.conftest import make_net, make_trace

__all__ = ["make_net", "make_trace", "run"]
