"""A console that outlives its reader."""

import os

from rich.console import Console


class LastingConsole(Console):
    """When whoever read it, such as ``head``, has seen enough, it falls silent, and the run goes on and is written."""

    def on_broken_pipe(self) -> None:
        """Send what is still to come nowhere, also what others print."""
        self.quiet = True
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self.file.fileno())
        os.close(nowhere)
