"""The page in Chromium: its size, its first paint, each interaction, and frames while a window slides.

    python -m benchmarks.page [--digits TRACE] [--mobilenet TRACE] [--spirals TRACE] [--repeats N]

Traces that are not given are recorded first, which takes minutes for MobileNetV2; the spirals are a small dense model of two
features, for the decision boundary. An interaction is measured from the event
until layout is done: the work of the page's thread, without the wait for the next frame. As the machine may be busy, the run
also gives the processor time of the page's thread for each interaction, painting included, which other processes do not
lengthen, and measures a fixed piece of JavaScript, ten million multiply-adds, before and after each page.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

WIDTH, HEIGHT = 1280, 900
LIMITS = {"digits": 2.5, "MobileNetV2": 6.0, "spirals": 2.5}
"""Megabytes of each page."""
SECONDS = 3
"""So long the window slides, and the epochs are scrubbed."""

MULTIPLY_ADDS = """() => {
  const values = new Float32Array(10000).map((_, at) => at / 10000);
  const start = performance.now();
  let sum = 0;
  for (let pass = 0; pass < 1000; pass++) for (let at = 0; at < 10000; at++) sum += values[at] * 1.0001;
  return [performance.now() - start, sum][0];
}"""

INTERACTIONS = """async ([repeats, name]) => {
  const all = selector => [...document.querySelectorAll(selector)];
  const settle = () => new Promise(done => setTimeout(done, 30));
  const click = selector => number => {
    const found = all(selector).filter(each => each.getAttribute("aria-pressed") !== "true" && each.getAttribute("aria-selected") !== "true");
    found[(7 * number) % found.length].click();
  };
  const press = (selector, key) => () => {
    const at = all(selector)[1] ?? all(selector)[0]; // the output of the stage
    at.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
  };
  const slide = number => {
    const slider = all(".scrubber input")[0];
    slider.value = String(number % (Number(slider.max) + 1));
    slider.dispatchEvent(new Event("input", { bubbles: true }));
  };
  const actions = {
    stage: [".tabs [role=tab], .stagelist button", click(".tabs [role=tab], .stagelist button")],
    group: [".strip button", click(".strip button")],
    filter: [".tiles button", click(".tiles button")],
    place: [".pictures .picture.live", press(".pictures .picture.live", "ArrowDown")],
    row: [".kinds .row, .rows .row", click(".kinds .row, .rows .row")],
    epoch: [".scrubber input", slide],
    theme: ["button.theme", click("button.theme")],
    unit: [".overfeatures .tiles button", click(".overfeatures .tiles button")],
  };
  const [selector, act] = actions[name];
  const times = [];
  const least = ["stage", "group", "filter", "row"].includes(name) ? 1 : 0;
  for (let number = 0; number < repeats && all(selector).length > least; number++) {
    const start = performance.now();
    act(number);
    document.body.getBoundingClientRect();
    times.push(performance.now() - start);
    await settle();
  }
  return times;
}"""

WEIGHT = """value => {
  const field = [...document.querySelectorAll(".whatif .weightfields input")].find(each => each.offsetParent);
  const start = performance.now();
  field.value = value;
  field.dispatchEvent(new Event("input", { bubbles: true }));
  document.body.getBoundingClientRect();
  return performance.now() - start;
}"""

FRAMES = """async ([seconds, selector, kind]) => {
  const found = [...document.querySelectorAll(selector)];
  const target = kind === "epoch" ? null : (found[1] ?? found[0]); // the output of the stage
  if (kind === "epoch" ? !found.length : !target) return null;
  let [frames, number] = [0, 0];
  const box = target?.getBoundingClientRect();
  const start = performance.now();
  while (performance.now() - start < 1000 * seconds) {
    await new Promise(requestAnimationFrame);
    number += 1;
    if (kind === "epoch") {
      found[0].value = String(number % (Number(found[0].max) + 1));
      found[0].dispatchEvent(new Event("input", { bubbles: true }));
    } else {
      const [x, y] = [box.left + (box.width * (number % 26)) / 26, box.top + (box.height * ((number / 26) % 26)) / 26];
      target.dispatchEvent(new PointerEvent("pointermove", { clientX: x, clientY: y, buttons: 1, bubbles: true }));
    }
    frames += 1;
  }
  return (1000 * frames) / (performance.now() - start);
}"""


FIXED = "ten million multiply-adds"
SMOOTH = (
    ("sliding the window", ".pictures .picture.live", "place"),
    ("scrubbing the epochs", ".scrubber input", "epoch"),
)
ACTIONS = ("stage", "group", "filter", "place", "row", "epoch", "theme", "unit")


def busy(session: Any) -> float:
    """Return the seconds of processor time that the page's main thread has taken."""
    metrics = session.send("Performance.getMetrics")["metrics"]
    return float(next(each["value"] for each in metrics if each["name"] == "ThreadTime"))


def record_digits(path: Path) -> None:
    """Record the built-in example as ``pipetrace digits`` does."""
    import subprocess
    import sys

    command = [sys.executable, "-m", "pipetrace", "digits", "--quiet", "-o", str(path)]
    subprocess.run(command, check=True)


def record_mobilenet(path: Path) -> None:
    """Record MobileNetV2, its weights random at the start, on noise."""
    import keras
    import numpy as np

    import pipetrace

    keras.utils.set_random_seed(0)
    model = keras.applications.MobileNetV2(weights=None, input_shape=(96, 96, 3), classes=10)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    draw = np.random.default_rng(0)
    x, y = draw.random((96, 96, 96, 3), dtype=np.float32), draw.integers(0, 10, 96)
    recorder = pipetrace.Recorder(path, budget=None, after_training="all", verbose=False)
    model.fit(x, y, batch_size=16, epochs=2, verbose=0, validation_split=0.25, callbacks=[recorder])


def record_spirals(path: Path) -> None:
    """Record a dense model of two features that tells two spirals apart."""
    import keras
    import numpy as np

    import pipetrace

    keras.utils.set_random_seed(0)
    draw = np.random.default_rng(0)
    arm, radius = draw.integers(0, 2, 600), draw.uniform(0.2, 3, 600)
    angle = 2 * radius + np.pi * arm
    x = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1) + draw.normal(
        0, 0.1, (600, 2)
    )
    units = [keras.layers.Dense(8, activation="tanh") for _ in range(2)]
    model = keras.Sequential(
        [keras.Input((2,)), *units, keras.layers.Dense(1, activation="sigmoid")]
    )
    model.compile(keras.optimizers.Adam(0.01), "binary_crossentropy", metrics=["accuracy"])
    recorder = pipetrace.Recorder(path, budget=None, after_training="all", verbose=False)
    model.fit(
        x.astype("float32"), arm, epochs=12, verbose=0, validation_split=0.2, callbacks=[recorder]
    )


def opened(browser: Any, path: Path) -> tuple[Any, dict[str, list[float]]]:
    """Open a page three times; return the last one, and milliseconds until it was painted and ready."""
    found: dict[str, list[float]] = {"first paint": [], "in use after": [], FIXED: []}
    page = None
    for _ in range(3):
        if page:
            page.close()
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        page.goto(path.as_uri())
        page.wait_for_selector("footer")
        page.wait_for_function("performance.getEntriesByType('paint').length > 1")
        found["first paint"].append(
            page.evaluate("performance.getEntriesByType('paint')[1].startTime")
        )
        found["in use after"].append(page.evaluate("performance.now()"))
        found[FIXED].append(page.evaluate(MULTIPLY_ADDS))
    return page, found


def used(page: Any, repeats: int) -> None:
    """Do everything that one can do on a page, and print what each took."""
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")
    first = f"#stage={page.locator('#panel h3 small').first.text_content()}"
    for action in ACTIONS:
        page.evaluate("hash => { location.hash = hash; }", first)
        if action == "unit":  # these are drawn when one comes near
            page.evaluate("document.getElementById('plane')?.scrollIntoView()")
            page.wait_for_timeout(900)
        page.wait_for_timeout(100)
        before = busy(session)
        times = page.evaluate(INTERACTIONS, [repeats, action])
        if not times:
            print(f"  {action}: not on this page")
            continue
        processor = 1000 * (busy(session) - before) / len(times)
        wall = f"median {statistics.median(times):.1f} ms, worst {max(times):.1f} ms"
        print(f"  {action}: {wall}; {processor:.1f} ms of the processor each")
    page.reload()
    page.wait_for_selector("footer")
    page.locator(".explorer").scroll_into_view_if_needed()
    for action, selector, kind in SMOOTH:
        before = busy(session)
        rate = page.evaluate(FRAMES, [SECONDS, selector, kind])
        if rate is None:
            print(f"  {action}: not on this page")
            continue
        each = 1000 * (busy(session) - before) / (rate * SECONDS)
        print(f"  {action}: {rate:.0f} frames a second; {each:.1f} ms of the processor each")


def weighed(page: Any, repeats: int) -> None:
    """Change a weight of the first stage that lets one do so, in a page that was just opened."""
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")
    page.reload()
    page.wait_for_selector("footer")
    part = page.locator("details.whatif", has_text="What if a weight were another?")
    for tab in page.locator(".tabs [role=tab]").all():
        tab.click()
        if part.count():
            break
    else:
        print("  a weight: not on this page")
        return
    part.locator("summary").click()
    part.locator(".weightfields input").first.wait_for()
    page.wait_for_timeout(1000)
    times, processor = [], []
    for number in range(repeats):
        before = busy(session)
        times.append(page.evaluate(WEIGHT, str((-1) ** number * (number + 1) / repeats)))
        processor.append(1000 * (busy(session) - before))
        # The search for the patches that excite a filter most starts anew, in the idle time after it.
        page.wait_for_timeout(300)
    print(f"  first change of a weight: {times[0]:.1f} ms; {processor[0]:.1f} ms of the processor")
    wall = f"median {statistics.median(times[1:]):.1f} ms, worst {max(times[1:]):.1f} ms"
    print(f"  the next: {wall}; {statistics.mean(processor[1:]):.1f} ms of the processor each")


def measure(name: str, trace: Path, folder: Path, repeats: int) -> None:
    """Write a trace's page, open it, use it, and print what that took."""
    from playwright.sync_api import sync_playwright
    from tests.browser.chromium import executable

    import pipetrace

    path = folder / f"{name}.html"
    start = time.perf_counter()
    pipetrace.write_page(trace, path)
    writing = time.perf_counter() - start
    size = path.stat().st_size / 1e6
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable(), args=["--no-sandbox"])
        page, times = opened(browser, path)
        nodes = page.evaluate("document.querySelectorAll('*').length")
        print(
            f"\n{name}: {size:.2f} MB (limit {LIMITS[name]}), written in {writing:.2f} s, {nodes} elements"
        )
        for what, each in times.items():
            print(f"  {what} {min(each):.0f} to {max(each):.0f} ms")
        used(page, repeats)
        weighed(page, repeats)
        browser.close()
    assert size <= LIMITS[name], f"{name} is too large"


def main() -> None:
    """Measure the three pages."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--digits", type=Path)
    parser.add_argument("--mobilenet", type=Path)
    parser.add_argument("--spirals", type=Path)
    parser.add_argument("--repeats", type=int, default=12)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for given, make, name in (
            (asked.digits, record_digits, "digits"),
            (asked.mobilenet, record_mobilenet, "MobileNetV2"),
            (asked.spirals, record_spirals, "spirals"),
        ):
            trace = given
            if trace is None:
                trace = folder / f"{name}.trace"
                make(trace)
            print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores", end="")
            measure(name, trace, folder, asked.repeats)


if __name__ == "__main__":
    main()
