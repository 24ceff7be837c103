"""Every program of the gallery, in all nine ways, with figures that the test computes from the trace by itself."""

import math
import re
from collections.abc import Callable
from urllib.parse import parse_qs

import numpy as np
import pytest
from playwright.sync_api import Page, expect
from tests.browser.conftest import Pages
from tests.browser.learn.test_modes import answers_of, choose, fill, fragment

from pipetrace.explain.learn.lesson import Place
from pipetrace.explain.learn.modes import MODES, lesson
from pipetrace.gallery.record import ORDER
from pipetrace.trace import Trace
from pipetrace.trace.document import Array
from pipetrace.trace.measurements import StageTime

pytestmark = [pytest.mark.browser, pytest.mark.framework]

COMMON = ("table",)
"""The digits are those of ``test_modes``, and ``make test-all`` has the others."""
PROGRAMS = [
    pytest.param(name, marks=() if name in COMMON else pytest.mark.slow, id=name) for name in ORDER
]
NUMBER = r"[\u2212-]?[\d,]*\.?\d+(?:e[\u2212+-]?\d+)?"


def numbers(text: str) -> list[float]:
    """The numbers of a text."""
    found = re.findall(NUMBER, text)
    return [float(each.replace("\u2212", "-").replace(",", "")) for each in found]


def close(one: float, other: float) -> bool:
    """Whether two numbers agree but for rounding."""
    return math.isclose(one, other, rel_tol=0.006, abs_tol=1e-4)


def recorded(trace: Trace, place: Place | None) -> float | None:
    """What was recorded at a place, of the row that the page opens with."""
    asked = parse_qs(place.address if place else "")
    values = trace.predictions[0].outputs.get(asked.get("stage", [""])[0])
    if values is None or "at" not in asked:
        return None
    return float(values[tuple(map(int, asked["at"][0].split(".")))])


def check_learn(page: Page, trace: Trace) -> None:
    shown = page.locator("#mode").inner_text()
    total = sum(stage.parameters.total for stage in trace.stages)
    row = page.locator("tr", has=page.get_by_role("rowheader", name="parameters", exact=True))
    assert numbers(row.locator("td").inner_text()) == [total]
    row = page.locator("tr", has=page.get_by_role("rowheader", name="loss", exact=True))
    told = numbers(row.locator("td").inner_text())
    first, last = trace.epochs[0], trace.epochs[-1]
    wanted = [first.metrics["loss"], first.number, last.metrics["loss"], last.number]
    assert [*map(close, told, filter(math.isfinite, wanted))] == [True] * len(told)
    assert len(told) >= 2
    for stage in trace.stages:
        assert stage.kind != "layer" or f"layers.{stage.layer}(" in shown


def check_deep(page: Page, trace: Trace) -> None:
    compared = 0
    for number, step in enumerate(lesson(trace, "deep").steps, 1):
        expect(page.locator(".stepping h2")).to_have_text(step.heading)
        assert int(fragment(page).get("step", "1")) == number
        wanted = recorded(trace, step.place)
        told_below = page.locator("#panel").get_by_text(re.compile(r"Keras recorded [\u2212\d]"))
        if wanted is not None and told_below.count():
            told_below.first.scroll_into_view_if_needed()  # what is out of view is not drawn anew
            start = f"Keras recorded {wanted:.3f}"[:-1].replace("-", "\u2212")
            expect(told_below.first, step.heading).to_contain_text(start)
            compared += 1
        if "the recorded value is" in " ".join(step.texts) and wanted is not None:
            (told_here,) = re.findall(rf"the recorded value is ({NUMBER})", " ".join(step.texts))
            assert close(numbers(told_here)[0], wanted)
        if number < len(lesson(trace, "deep").steps):
            page.get_by_role("button", name="Next step").click()
    assert compared >= 3 or not math.isfinite(trace.epochs[-1].metrics["loss"])


def check_try(page: Page, trace: Trace) -> None:
    made = lesson(trace, "try", trace.run.training.seed or 0).exercises
    for number, exercise in enumerate(made):
        answers = answers_of(exercise)
        place = parse_qs(exercise.place.address if exercise.place else "")
        stage = trace.stages[place["stage"][0]]
        if exercise.code.rstrip().endswith("count_params()  # ____"):
            held = sum(int(np.prod(weight.shape)) for weight in stage.weights)
            assert answers[-1] == str(held)
        if (wanted := recorded(trace, exercise.place)) is not None and "value = " in exercise.code:
            assert abs(float(answers[0]) - wanted) <= exercise.blanks[0].within
        fill(page, number, answers)
        expect(page.locator(".task").nth(number).locator(".feedback")).to_contain_text("Right.")
    expect(page.locator(".score")).to_contain_text(f"{len(made)} of {len(made)} solved")


def check_challenge(page: Page, trace: Trace) -> None:
    made = lesson(trace, "challenge", trace.run.training.seed or 0).problems
    page.get_by_role("button", name="Start the clock").click()
    for problem in made:
        page.locator(".mode .option").nth(problem.answer).press("Enter")
        expect(page.locator(".mode .option.right")).to_contain_text(problem.options[problem.answer])
        page.locator(".mode .next").press("Enter")
    points = 2 * len(made)
    expect(page.locator(".mode .question")).to_contain_text(f"{points} of {points} points")


def check_project(page: Page, trace: Trace) -> None:
    if absent := lesson(trace, "project").absent:
        expect(page.locator("#mode .notice")).to_have_text(absent)
        assert not math.isfinite(trace.epochs[-1].metrics["loss"])
        return
    goal = page.locator(".part", has=page.get_by_role("heading", name="The goal")).inner_text()
    state = page.locator(".part", has=page.get_by_role("heading", name="Where it stands"))
    measured = [scale * each for each in trace.epochs[-1].metrics.values() for scale in (1, 100)]
    told = numbers(state.inner_text())
    assert any(close(one, other) for one in told for other in measured if math.isfinite(other))
    assert numbers(goal)
    command = page.locator("pre", has_text="pipetrace check").inner_text().partition("--expect")[2]
    assert any(close(numbers(goal)[0] / scale, numbers(command)[0]) for scale in (1, 100)), goal


def check_review(page: Page, trace: Trace) -> None:
    made = lesson(trace, "review", trace.run.training.seed or 0)
    for card in made.cards:
        expect(page.locator(".mode .question")).to_have_text(" ".join(card.front.split()))
        page.get_by_role("button", name="Turn over").click()
        expect(page.locator(".mode .verdict")).to_have_text(card.answer)
        page.get_by_role("button", name="I knew it").click()


def kept(trace: Trace) -> tuple[Array, Array]:
    """What the model gave for the kept validation rows, and what it should have given."""
    rows = trace.kept_rows
    assert rows is not None
    return rows.outputs[0][rows.validation].astype(float), rows.targets[0][rows.validation]


def check_metrics(page: Page, trace: Trace) -> None:
    shown = page.locator("#mode").inner_text()
    given, wanted = kept(trace)
    if not np.isfinite(given).all():
        assert "Accuracy" not in shown
        assert "(MAE)" not in shown
    elif trace.run.training.loss in ("mse", "mean_squared_error"):
        error = np.abs(given.reshape(wanted.shape) - wanted).mean()
        told = re.search(rf"\(MAE\): ({NUMBER})", shown)
        assert told is not None
        assert close(numbers(told[1])[0], error)
    else:
        said = given.argmax(-1) if given.shape[-1] > 1 else given[:, 0] > 0.5
        right = int((said == wanted.reshape(-1)).sum())
        assert f"Accuracy: {right} of {len(wanted)} rows are right" in shown
    costs = page.locator("table", has=page.get_by_role("columnheader", name="FLOPs", exact=True))
    for line in costs.locator("tbody tr").all():
        name, *cells = [each.strip() for each in line.locator("th, td").all_inner_texts()]
        assert numbers(cells[0]) == [trace.stages[name].parameters.total]
        seconds = trace.measurements.of(StageTime, name).seconds
        assert seconds is not None
        assert close(numbers(cells[-1])[0], 1000 * seconds)


def check_why(page: Page, trace: Trace) -> None:
    assert not trace.ablations
    expect(page.locator("#mode .notice")).to_contain_text("pipetrace ablate")


def check_visualize(page: Page, trace: Trace) -> None:
    expect(page.locator("#flow")).to_be_visible()
    total = sum(stage.parameters.total for stage in trace.stages)
    assert total in numbers(page.locator("#top").inner_text())


CHECKS: dict[str, Callable[[Page, Trace], None]] = {
    "learn": check_learn,
    "why": check_why,
    "deep": check_deep,
    "visualize": check_visualize,
    "try": check_try,
    "challenge": check_challenge,
    "project": check_project,
    "review": check_review,
    "metrics": check_metrics,
}


@pytest.fixture(params=PROGRAMS)
def trace(request: pytest.FixtureRequest, gallery: Callable[[str], Trace]) -> Trace:
    return gallery(request.param)


def test_each_way_of_a_program_states_what_was_measured(pages: Pages, trace: Trace) -> None:
    page = pages.open(trace)
    assert list(CHECKS) == list(MODES)
    for mode, check in CHECKS.items():
        choose(page, mode)
        if mode != "visualize":
            expect(page.locator("#mode-title")).to_contain_text(mode.capitalize())
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), mode
        check(page, trace)
