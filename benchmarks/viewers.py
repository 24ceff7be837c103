"""What the readers of a run cost its training: steps with and without 50 viewers of `pipetrace serve`.

    python -m benchmarks.viewers [--viewers 50] [--pairs 6]

One process trains and records; the server and its viewers run on the same machine. Between epochs the viewers come or go,
so each pair of epochs is of one process, one model and one moment. Each viewer listens as a browser does and loads the
page whenever the server says that there is more. What counts is the ratio of each pair, and of all pairs the median.
"""

import argparse
import http.client
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

TRAINING = """
import sys, time
import keras, numpy
import pipetrace

class Steps(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        sys.stdin.readline()
        self.times, self.last = [], time.perf_counter()
    def on_train_batch_end(self, batch, logs=None):
        now = time.perf_counter()
        self.times.append(now - self.last)
        self.last = now
    def on_epoch_end(self, epoch, logs=None):
        print(float(numpy.median(self.times)), sum(self.times), flush=True)

keras.utils.set_random_seed(0)
x = numpy.random.default_rng(0).random((32000, 64), "float32")
model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(128, "relu"), keras.layers.Dense(10, "softmax")])
model.compile("adam", "sparse_categorical_crossentropy")
recorder = pipetrace.Recorder(sys.argv[1], verbose=False, after_training="none")
model.fit(x, (x[:, 0] * 10).astype(int), epochs=int(sys.argv[2]), verbose=0, callbacks=[Steps(), recorder])
"""


class Viewers:
    """Viewers of one run, who come and go."""

    def __init__(self, address: str, count: int) -> None:
        parts = urlsplit(address)
        self.place = (parts.hostname or "", parts.port or 0)
        self.count, self.pages = count, 0
        self._open: list[http.client.HTTPConnection] = []
        self._threads: list[threading.Thread] = []

    def come(self) -> None:
        """Listen, and load the page now and at each change."""
        for _ in range(self.count):
            connection = http.client.HTTPConnection(*self.place)
            connection.request("GET", "/changes/run/run.trace")
            answer = connection.getresponse()
            self._open.append(connection)
            self._threads.append(threading.Thread(target=self._listen, args=(answer,), daemon=True))
            self._threads[-1].start()

    def go(self) -> None:
        """Listen no more."""
        for each in self._open:
            if each.sock is not None:
                each.sock.shutdown(2)
        for thread in self._threads:
            thread.join(30)
        for each in self._open:
            each.close()
        self._open, self._threads = [], []

    def _listen(self, answer: http.client.HTTPResponse) -> None:
        try:
            while line := answer.readline():
                if line.startswith(b"data: "):
                    page = http.client.HTTPConnection(*self.place)
                    page.request("GET", "/run/run.trace")
                    page.getresponse().read()
                    page.close()
                    self.pages += 1
        except (OSError, http.client.HTTPException, ValueError):  # it goes
            pass


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address of a server of a folder."""
    command = [sys.executable, "-m", "pipetrace", "serve", str(folder), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().split(" at ")[1].split(" ")[0]
        finally:
            process.kill()


def measured(count: int, pairs: int) -> Iterator[tuple[float, float]]:
    """For each pair the median step, in seconds, without and with viewers; then how many pages they loaded."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-c", TRAINING, f"{folder}/run.trace", str(2 * pairs + 2)]
        training = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        assert training.stdin is not None
        assert training.stdout is not None

        def epoch() -> float:
            print(file=training.stdin)
            assert training.stdout is not None
            return float(training.stdout.readline().split()[0])

        with training, served(Path(folder)) as address:
            epoch()
            epoch()  # the trace is there
            viewers = Viewers(address, count)
            for pair in range(pairs):
                steps = {}
                for watched in (False, True) if pair % 2 else (True, False):
                    if watched:
                        viewers.come()
                    steps[watched] = epoch()
                    if watched:
                        viewers.go()
                yield steps[False], steps[True]
            print(f"The viewers loaded {viewers.pages:,} pages.", file=sys.stderr)
            training.stdin.close()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--viewers", type=int, default=50)
    parser.add_argument("--pairs", type=int, default=6)
    arguments = parser.parse_args()
    found = list(measured(arguments.viewers, arguments.pairs))
    ratios = [watched / alone for alone, watched in found]
    print("| viewers | median step without | with | ratio, median of pairs | least | most |")
    print("|---|---|---|---|---|---|")
    alone, watched = (1000 * median(each) for each in zip(*found, strict=True))
    print(
        f"| {arguments.viewers} | {alone:.2f} ms | {watched:.2f} ms | {median(ratios):.3f} | "
        f"{min(ratios):.3f} | {max(ratios):.3f} |"
    )


if __name__ == "__main__":
    main()
