"""Statistics of tensors that merge: the summary of two parts is the summary of the whole."""

from pipetrace.stats.histogram import COARSE, COARSER, bins, quantile
from pipetrace.stats.kernels import Kernels, kernels
from pipetrace.stats.summary import Summariser, can_summarise, merge, summarise

__all__ = [
    "COARSE",
    "COARSER",
    "Kernels",
    "Summariser",
    "bins",
    "can_summarise",
    "kernels",
    "merge",
    "quantile",
    "summarise",
]
