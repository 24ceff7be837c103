"""The command line: arguments in, calls below. Each module adds its commands to the group."""

from pipetrace.cli import (  # noqa: F401 importing a module adds its commands
    ablate,
    check,
    compare,
    export,
    record,
    runs,
    serve,
    show,
    teach,
)
from pipetrace.cli.group import commands, main

__all__ = ["commands", "main"]
