"""A real training, followed in the browser through a server that is killed and started again in between."""

import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.serve.server import serving

pytestmark = [pytest.mark.browser, pytest.mark.framework]
LONG = 120_000
EPOCHS = 8
TRAINING = f"""
    import sys
    import keras, numpy
    import pipetrace

    class Waits(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch and not sys.stdin.readline():
                sys.exit()

    keras.utils.set_random_seed(0)
    x = numpy.random.default_rng(0).random((200, 8), "float32")
    model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(4, name="inner"), keras.layers.Dense(1)])
    model.compile("adam", "mse")
    recorder = pipetrace.Recorder(sys.argv[1], title="A real training", verbose=False, budget=None)
    model.fit(x, x[:, :1], epochs={EPOCHS}, verbose=0, callbacks=[Waits(), recorder])
"""


class Training:
    """A process that trains an epoch, and the next one when it is told to."""

    def __init__(self, path: Path) -> None:
        command = [sys.executable, "-c", textwrap.dedent(TRAINING), str(path)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, text=True, bufsize=1)

    def epochs(self, count: int) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("\n" * count)
        self.process.stdin.flush()


@contextmanager
def training(path: Path) -> Iterator[Training]:
    made = Training(path)
    try:
        yield made
    finally:
        made.process.kill()
        made.process.communicate()


def rows(page: Page) -> int:
    """The epochs in the table of the training."""
    return page.locator("[id^='epoch/']").count()


def await_epochs(page: Page, count: int) -> None:
    page.wait_for_function(
        "count => document.querySelectorAll(\"[id^='epoch/']\").length === count",
        arg=count,
        timeout=LONG,
    )


def test_a_page_grows_by_the_epoch_and_outlives_the_server(
    chromium: Browser, tmp_path: Path
) -> None:
    folder = tmp_path / "runs"
    folder.mkdir()
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    wrong: list[str] = []
    context.on("weberror", lambda error: wrong.append(str(error.error)))
    page = context.new_page()
    page.set_default_timeout(LONG)
    with training(folder / "live.trace") as trained:
        with serving(folder) as server:
            port = server.port
            page.goto(server.address)
            # The table learns of the run without being loaded again.
            link = page.get_by_role("link", name="live.trace")
            expect(link).to_be_visible(timeout=LONG)
            link.click()
            await_epochs(page, 1)
            page.goto(f"{page.url}#stage=inner&row=7&theme=dark")
            trained.epochs(1)
            await_epochs(page, 2)
            # The stages of a model can be opened once it is trained.
            assert page.url.endswith("#stage=inner&row=7&theme=dark")
        expect(page.get_by_text("The server cannot be reached")).to_be_visible(timeout=LONG)
        trained.epochs(1)
        with serving(folder, port=port):
            await_epochs(page, 3)
            # Who does something is not disturbed: there is a button.
            page.get_by_role("button", name="Stop following").click()
            trained.epochs(1)
            expect(page.get_by_text("There is more to see")).to_be_visible(timeout=LONG)
            assert rows(page) == 3
            page.get_by_role("button", name="Follow it").click()
            page.mouse.move(5, 5)
            await_epochs(page, 4)
            trained.epochs(EPOCHS)
            await_epochs(page, EPOCHS)
            expect(page.get_by_text("The training is running")).to_have_count(0, timeout=LONG)
            tab = page.get_by_role("tab").nth(1)
            expect(tab).to_have_attribute("aria-selected", "true", timeout=LONG)
            assert "row=7" in page.url
            page.get_by_role("link", name="All runs").click()
            expect(page.get_by_role("cell", name="finished")).to_be_visible()
    context.close()
    assert not wrong
