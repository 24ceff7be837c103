"""A program whose threads and exit functions look at the main module; no framework."""

import atexit
import pickle
import sys
import threading
import time


class Own:
    """A class of the main module, which pickle finds there."""


def look(when: str) -> None:
    """Print what the main module is."""
    main = sys.modules["__main__"]
    again = type(pickle.loads(pickle.dumps(Own()))) is Own
    print(when, main.__name__, vars(main) is globals(), again, len(sys.argv), __file__)
    print(when, getattr(main, "Own", None) is Own, sys.path[0] in __file__, flush=True)


def later() -> None:
    """Look when the main program is over."""
    time.sleep(1)
    look("thread")


atexit.register(look, "exit")
threading.Thread(target=later).start()
look("now")
sys.exit(3)
