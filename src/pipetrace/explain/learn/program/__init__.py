"""The Keras program of a run: what builds and trains the recorded model, from its configuration."""

from pipetrace.explain.learn.program.objects import layer_line
from pipetrace.explain.learn.program.whole import Part, Program, program

__all__ = ["Part", "Program", "layer_line", "program"]
