"""Linear algebra by one thread."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

SET_BY_IMPORT = "KMP_DUPLICATE_LIB_OK"


@contextmanager
def one_thread() -> Iterator[None]:
    """A block in which NumPy's linear algebra uses one thread.

    Threads of such a library wait for each other by spinning: for matrices of a few hundred rows, on a machine that does other
    work too, several took five to eleven times as long as one.
    """
    before = os.environ.get(SET_BY_IMPORT)
    from threadpoolctl import threadpool_limits

    # Importing it sets a variable of the environment, which the training's process is to have only where it had it before.
    if before is None:
        os.environ.pop(SET_BY_IMPORT, None)
    with threadpool_limits(1, user_api="blas"):
        yield
