"""Servers on loopback that end by themselves: with the test, or after some minutes."""

import contextlib
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

START_SECONDS, LONGEST_SECONDS = 120, 600


@contextlib.contextmanager
def server(command: list[str], says: str, folder: Path, env: Mapping[str, str]) -> Iterator[str]:
    """What the group of a regular expression found in a server's output, while it runs."""
    log = folder / "server.log"
    whole = ["timeout", "--kill-after=5", str(LONGEST_SECONDS), *command]
    with log.open("w") as out:
        process = subprocess.Popen(
            whole,
            cwd=folder,
            env={**os.environ, **env},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    try:
        until = time.monotonic() + START_SECONDS
        while (found := re.search(says, log.read_text())) is None:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < until, log.read_text()
            time.sleep(0.2)
        yield found[1]
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
