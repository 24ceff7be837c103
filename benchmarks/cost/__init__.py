"""How much longer ``fit`` takes with the recorder, measured from outside."""

from benchmarks.cost.table import Row, measured

__all__ = ["Row", "measured"]
