"""A headless Chromium, and pages in it that may neither call out nor complain."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Dialog,
    Page,
    Request,
    ViewportSize,
    WebError,
    expect,
    sync_playwright,
)
from tests.browser.chromium import executable

from pipetrace.present.page import trace_page
from pipetrace.trace import Trace

OPEN_LIST = "for (const list of document.querySelectorAll('.all')) list.open = true"
"""Tests of the mark ``lists`` read the list of the stages, which is collapsed under the explorer."""
PATIENCE = 60_000
"""Milliseconds after which something that should be on the page is taken as missing, on a busy machine too."""


EVENTS = ("request", "console", "dialog", "weberror")
SCREEN = {"width": 1280, "height": 900}


@dataclass
class Heard:
    """What a page must not do: call out, complain, or open a dialog."""

    wrong: list[str] = field(default_factory=list)

    def listen(self, context: BrowserContext) -> None:
        for event in EVENTS:
            context.on(event, getattr(self, event))  # type: ignore[call-overload]

    def leave(self, context: BrowserContext) -> None:
        for event in EVENTS:
            context.remove_listener(event, getattr(self, event))

    def weberror(self, error: WebError) -> None:
        self.wrong.append(f"error: {error.error}")

    def request(self, request: Request) -> None:
        if not request.url.startswith(("file:", "data:")):
            self.wrong.append(f"request: {request.url}")

    def console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning", "assert"):
            self.wrong.append(f"console {message.type}: {message.text}")

    def dialog(self, dialog: Dialog) -> None:
        self.wrong.append(f"dialog: {dialog.message}")
        dialog.dismiss()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    # Chromium refuses its own sandbox to root, as in a container.
    sandbox = [] if hasattr(os, "geteuid") and os.geteuid() else ["--no-sandbox"]
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable(), args=sandbox)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def write(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Trace], Path]:
    """Writes a trace's page into a file, once for each trace."""
    folder = tmp_path_factory.mktemp("pages")
    written: dict[int, tuple[Trace, Path]] = {}

    def write(trace: Trace) -> Path:
        if id(trace) not in written:
            path = folder / f"{len(written)}.html"
            path.write_text(trace_page(trace), encoding="utf-8")
            # The trace is kept, so that no other can get its identity.
            written[id(trace)] = (trace, path)
        return written[id(trace)][1]

    return write


def address(page: Page) -> str:
    """The address, which follows the state a moment later."""
    # A timer of the page's own: those that were set before it, of which one writes the address, come first.
    return str(
        page.evaluate("() => new Promise(done => setTimeout(() => done(location.href), 250))")
    )


def settle(page: Page) -> None:
    """Let the page draw what came into sight: what moves away under a pressed mouse is not clicked."""
    page.evaluate(
        """() => new Promise(done => requestIdleCallback(
          () => requestAnimationFrame(() => requestAnimationFrame(done)), { timeout: 2000 }))"""
    )


def go(page: Page, place: str) -> None:
    """To another place of a page that is open; what the address does not name stays as it is."""
    page.evaluate(
        """place => new Promise(done => {
          const before = location.href;
          addEventListener("hashchange", () => done(), { once: true });
          location.hash = place;
          if (location.href === before) done();
        })""",
        place,
    )


class Pages:
    """Opens pages in contexts of their own, and checks at the end that none of them did what it must not.

    Another page of the browser takes a second of processor time, so those that are like any other are used again.
    """

    left: ClassVar[list[Page]] = []
    """Pages that tests are done with; of one browser, which lasts as long as the session."""

    def __init__(
        self,
        browser: Browser,
        write: Callable[[Trace], Path],
        trace: Trace,
        request: pytest.FixtureRequest | None = None,
    ) -> None:
        self.browser, self.write, self.trace = browser, write, trace
        self.lists = request is not None and request.node.get_closest_marker("lists") is not None
        self.heard = Heard()
        self.pages: list[tuple[Page, bool]] = []

    def open(
        self,
        trace: Trace | None = None,
        *,
        place: str = "",
        again: Page | None = None,
        **options: Any,
    ) -> Page:
        """A new page on a trace, on the recorded one when left out; options are those of a browser's context.

        A page that is opened ``again`` is loaded anew, and keeps the options that it has.
        """
        options.setdefault("viewport", SCREEN)
        if again is None:
            is_plain = options.keys() <= {"viewport", "color_scheme"}
            page = self._again(**options) if is_plain and self.left else self._new(**options)
            self.pages.append((page, is_plain))
            self.heard.listen(page.context)
        else:
            page = again
            page.goto("about:blank")  # else another place in the same file would not load it
        page.goto(self.write(trace or self.trace).as_uri() + place)
        if options.get("java_script_enabled", True):
            page.wait_for_selector("footer")
            if self.lists:
                page.evaluate(OPEN_LIST)
            settle(page)
        return page

    def _new(self, **options: Any) -> Page:
        context = self.browser.new_context(offline=True, reduced_motion="reduce", **options)
        context.set_default_timeout(PATIENCE)
        return context.new_page()

    def _again(self, viewport: ViewportSize, color_scheme: Any = "null") -> Page:
        page = self.left.pop()
        page.set_viewport_size(viewport)
        page.emulate_media(media="null", color_scheme=color_scheme, reduced_motion="reduce")
        return page

    def close(self) -> None:
        for page, is_plain in self.pages:
            context = page.context
            if is_plain and not page.is_closed() and len(context.pages) == 1:
                page.goto("about:blank")
                page.mouse.move(-1, -1)
                forget = {"origin": "file://", "storageTypes": "all"}
                session = context.new_cdp_session(page)
                session.send("Storage.clearDataForOrigin", forget)
                session.detach()
                self.heard.leave(context)
                self.left.append(page)
            else:
                context.close()
        assert not self.heard.wrong


@pytest.fixture
def pages(
    chromium: Browser,
    write: Callable[[Trace], Path],
    digits_trace: Trace,
    request: pytest.FixtureRequest,
) -> Iterator[Pages]:
    """Fresh pages, for a test that changes them."""
    opened = Pages(chromium, write, digits_trace, request)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def shared(
    chromium: Browser,
    write: Callable[[Trace], Path],
    digits_trace: Trace,
    request: pytest.FixtureRequest,
) -> Iterator[Pages]:
    """Pages that the tests of a file share: they only read them, or each has a part of them to itself."""
    opened = Pages(chromium, write, digits_trace, request)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def shown(shared: Pages) -> Page:
    """The page of the recorded run."""
    return shared.open()


@pytest.fixture(scope="module")
def listed(shared: Pages, digits_trace: Trace) -> Page:
    """The page of a run without recorded rows: there is no explorer, and the list of the stages has their images."""
    return shared.open(replace(digits_trace, predictions=()))
