"""One thread for linear algebra, and nothing else changed."""

import os
import subprocess
import sys

import numpy as np
import pytest

from pipetrace.record.measure.outcomes import SET_BY_THREADPOOLCTL, one_blas_thread

threadpoolctl = pytest.importorskip("threadpoolctl")


def threads() -> list[int]:
    return [
        each["num_threads"]
        for each in threadpoolctl.threadpool_info()
        if each["user_api"] == "blas"
    ]


def test_within_the_block_there_is_one_and_after_it_as_many_as_before() -> None:
    np.linalg.eigh(np.eye(3))
    before = threads()
    with one_blas_thread():
        assert set(threads()) <= {1}
    assert threads() == before


@pytest.mark.parametrize("given", [None, "FALSE"])
def test_the_environment_is_what_it_was(given: str | None) -> None:
    """In a process of its own, since importing the library is what changes it."""
    program = (
        "import os; from pipetrace.record.measure.outcomes import one_blas_thread\n"
        f"with one_blas_thread(): pass\nprint(os.environ.get({SET_BY_THREADPOOLCTL!r}))"
    )
    environment = {key: value for key, value in os.environ.items() if key != SET_BY_THREADPOOLCTL}
    if given is not None:
        environment[SET_BY_THREADPOOLCTL] = given
    ran = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    assert ran.stdout == f"{given}\n"
