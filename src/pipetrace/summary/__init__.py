"""Statistics of tensors that merge: the summary of two parts is the summary of the whole."""

from pipetrace.summary.histogram import bins, quantile
from pipetrace.summary.summary import Summariser, merge, summarise

__all__ = ["Summariser", "bins", "merge", "quantile", "summarise"]
