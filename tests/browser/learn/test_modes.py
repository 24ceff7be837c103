"""The ways to learn on the page, driven as a person does."""

from collections.abc import Iterable
from pathlib import Path
from urllib.parse import parse_qs, unquote

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.browser.conftest import Pages, address
from tests.browser.test_accessibility import clean_in_both_schemes
from tests.tasks import KINDS

from pipetrace.explain.learn.lesson import Exercise
from pipetrace.explain.learn.modes import MODES, lesson
from pipetrace.present.page import trace_page
from pipetrace.trace import Trace

pytestmark = pytest.mark.browser


def choose(page: Page, mode: str) -> None:
    """Choose a way to learn in the bar."""
    page.locator(".chooser > button").click()
    page.locator(".chooser li button", has=page.get_by_text(mode.capitalize(), exact=True)).click()


def fragment(page: Page) -> dict[str, str]:
    """What the address says."""
    return {name: each[0] for name, each in parse_qs(address(page).partition("#")[2]).items()}


def words(page: Page, selector: str) -> str:
    return " ".join((page.locator(selector).first.text_content() or "").split())


@pytest.fixture
def page(shown: Page) -> Page:
    """One page for all tests: each begins where no way is chosen, and has one of the ways to itself."""
    choose(shown, "visualize")
    return shown


FEW = ("regression", "failed")


@pytest.mark.parametrize("kinds", [FEW, pytest.param(KINDS, marks=pytest.mark.slow)])
def test_every_way_of_every_kind_of_model_opens(
    pages: Pages, digits_trace: Trace, kinds: Iterable[str]
) -> None:
    page = None
    for name, trace in {"digits": digits_trace, **{key: KINDS[key]() for key in kinds}}.items():
        page = pages.open(trace, again=page)
        for mode in MODES:
            made = lesson(trace, mode)
            choose(page, mode)
            if mode == "visualize":
                expect(page.locator("#flow")).to_be_visible()
                continue
            expect(page.locator("#mode-title")).to_contain_text(made.about)
            assert not page.locator("#top").is_visible(), name
            assert page.locator(".task").count() == len(made.exercises), (name, mode)
            assert page.locator("#mode .notice").count() == bool(made.absent), (name, mode)
            for part in made.parts:
                expect(page.locator("#mode h2", has_text=part.heading).first).to_be_visible()
            # Nothing is wider than the window.
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (name, mode)


def test_a_step_opens_its_place(page: Page, digits_trace: Trace) -> None:
    made = lesson(digits_trace, "deep")
    choose(page, "deep")
    for number, step in enumerate(made.steps, 1):
        assert step.place is not None
        expect(page.locator(".stepping h2")).to_have_text(step.heading)
        wanted = dict(part.split("=") for part in step.place.address.split("&"))
        found = fragment(page)
        assert found["mode"] == "deep"
        assert int(found.get("step", 1)) == number
        assert found["stage"] == unquote(wanted["stage"])
        if "at" in wanted:
            assert found["at"] == wanted["at"]
        expect(page.locator("#panel")).to_be_visible()
        assert not page.locator("#quiz-title").is_visible()
        if number < len(made.steps):
            page.get_by_role("button", name="Next step").press("Enter")
    assert page.get_by_role("button", name="Next step").is_disabled()


def test_a_link_opens_a_step_and_nonsense_nothing(pages: Pages, digits_trace: Trace) -> None:
    made = lesson(digits_trace, "deep")
    page = pages.open(place="#mode=deep&step=4")
    expect(page.locator(".stepping h2")).to_have_text(made.steps[3].heading)
    for place in ("#mode=nothing", "#mode=deep&step=999", "#step=-2"):
        pages.open(place=place, again=page)
        expect(page.locator("#flow")).to_be_visible()


def fill(page: Page, number: int, answers: list[str]) -> None:
    task = page.locator(".task").nth(number)
    for at, answer in enumerate(answers):
        task.locator(".blank").nth(at).fill(answer)
    task.locator(".blank").first.press("Enter")


def answers_of(exercise: Exercise) -> list[str]:
    return [blank.answer for blank in exercise.blanks]


def test_tasks_are_solved_missed_and_explained(page: Page, digits_trace: Trace) -> None:
    made = lesson(digits_trace, "try", digits_trace.run.training.seed or 0).exercises
    choose(page, "try")
    slips = next(at for at, each in enumerate(made) if each.blanks[0].slips)
    slip = made[slips].blanks[0].slips[0]
    fill(page, slips, [slip.answer, *answers_of(made[slips])[1:]])
    feedback = page.locator(".task").nth(slips).locator(".feedback")
    expect(feedback).to_contain_text(slip.remark)
    expect(page.locator(".task").nth(slips)).to_contain_text("2 attempts left")
    fill(page, slips, answers_of(made[slips]))
    expect(feedback).to_contain_text("Right.")
    expect(feedback).to_contain_text(made[slips].solution)
    other = next(at for at in range(len(made)) if at != slips)
    for _ in range(3):
        fill(page, other, ["0.123"] * len(made[other].blanks))
    expect(page.locator(".task").nth(other).locator(".feedback")).to_contain_text(
        f"It is {', '.join(answers_of(made[other]))}."
    )
    expect(page.locator(".score")).to_contain_text(f"1 of {len(made)} solved")
    page.locator(".task").nth(other).get_by_role("button", name="Look in the explorer").click()
    expect(page.locator("#panel")).to_be_visible()
    assert page.locator("#panel h3").first.is_visible()


def test_a_challenge_counts_attempts_and_keeps_its_result(page: Page, digits_trace: Trace) -> None:
    made = lesson(digits_trace, "challenge", digits_trace.run.training.seed or 0).problems
    choose(page, "challenge")
    page.get_by_role("button", name="Start the clock").click()
    for number, problem in enumerate(made):
        expect(page.locator(".mode .card .muted").first).to_contain_text(
            f"Problem {number + 1} of {len(made)}"
        )
        if number == 0:  # right at the second attempt
            page.locator(".mode .option").nth((problem.answer + 1) % 4).press("Enter")
            expect(page.locator(".mode .feedback")).to_contain_text("once more")
        if number == 1:  # missed
            for away in (1, 2):
                page.locator(".mode .option").nth((problem.answer + away) % 4).press("Enter")
        else:
            page.locator(".mode .option").nth(problem.answer).press("Enter")
        expect(page.locator(".mode .option.right")).to_contain_text(problem.options[problem.answer])
        page.keyboard.press("Enter")
    points = 2 * len(made) - 3
    expect(page.locator(".mode .question")).to_contain_text(f"{points} of {2 * len(made)} points")
    page.reload()
    expect(page.locator(".mode")).to_contain_text(
        f"Last result: {points} of {2 * len(made)} points"
    )


def test_what_was_missed_comes_first_again(page: Page, digits_trace: Trace) -> None:
    made = lesson(digits_trace, "review", digits_trace.run.training.seed or 0)
    choose(page, "review")
    for number, card in enumerate(made.cards):
        expect(page.locator(".mode .question")).to_have_text(" ".join(card.front.split()))
        assert not page.locator(".mode .verdict").is_visible()
        assert not page.get_by_role("button", name="I knew it").is_visible()
        page.get_by_role("button", name="Turn over").press("Enter")
        expect(page.locator(".mode .verdict")).to_have_text(card.answer)
        page.get_by_role("button", name="I missed it" if number == 2 else "I knew it").press(
            "Enter"
        )
    levels = []
    by_text = {" ".join(each.text.split()): each for each in made.problems}
    for _ in range(4):
        asked = by_text[words(page, ".mode .question")]
        levels.append(asked.level)
        page.locator(".mode .option").nth(asked.answer).press("Enter")
        page.keyboard.press("Enter")
    assert levels[:3] == ["easy", "medium", "hard"]
    expect(page.locator(".mode .question")).to_have_text("4 of 4 questions right.")
    page.get_by_role("button", name="Review again").click()
    expect(page.locator(".mode .card .muted").first).to_contain_text("Card 1 of")
    page.reload()
    expect(page.locator(".mode .question")).to_have_text(" ".join(made.cards[2].front.split()))


def test_a_class_is_worked_from_its_cells(page: Page, digits_trace: Trace) -> None:
    cells = lesson(digits_trace, "metrics").cells
    assert cells is not None
    choose(page, "metrics")
    for at in (cells.start, 7):
        page.get_by_label("Class", exact=True).select_option(str(at))
        right, there = cells.counts[at][at], sum(cells.counts[at])
        said = sum(line[at] for line in cells.counts)
        expect(page.locator(".worked dd").nth(0)).to_contain_text(
            f"{right} / {said} = {100 * right / said:.1f}"
        )
        expect(page.locator(".worked dd").nth(1)).to_contain_text(
            f"{right} / {there} = {100 * right / there:.1f}"
        )
        expect(page.locator(".cells .hit")).to_have_text(str(right))


def test_a_threshold_is_moved(pages: Pages) -> None:
    trace = KINDS["binary"]()
    curve = lesson(trace, "metrics").curve
    assert curve is not None
    page = pages.open(trace, place="#mode=metrics")
    for at in (0, 25, 50):
        page.get_by_label("Threshold").fill(str(at))
        right, extra, missed, none = curve.counts[at]
        expect(page.locator("#mode")).to_contain_text(
            f"{right} found, {missed} missed, {extra} false alarms, {none} rightly left"
        )


def test_the_chooser_is_used_by_keyboard(page: Page) -> None:
    page.locator(".chooser > button").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".chooser ul")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(".chooser ul")).to_be_hidden()
    assert page.evaluate("document.activeElement.matches('.chooser > button')")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#mode-title")).to_contain_text("Learn")
    assert page.evaluate("document.activeElement.id") == "mode"
    # A link of the bar leads back to the whole page.
    page.locator(".parts a", has_text="Training").click()
    expect(page.locator("#training-title")).to_be_visible()
    assert "mode" not in fragment(page)


def test_a_link_to_each_section_is_copied(pages: Pages) -> None:
    page = pages.open(permissions=["clipboard-read", "clipboard-write"])
    titles = page.locator("main section > h2[id]")
    assert page.locator("main .copylink").count() == titles.count() > 4
    page.get_by_role("button", name="Copy link to Training").press("Enter")
    expect(page.locator(".copylink", has_text="Copied")).to_have_count(1)
    assert page.evaluate("navigator.clipboard.readText()").endswith(".html#training-title")
    choose(page, "deep")
    page.get_by_role("button", name="Next step").press("Enter")
    page.get_by_role("button", name="Copy link to Deep").press("Enter")
    expect(page.locator(".modehead .copylink")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()").endswith("#mode=deep&step=2")


def test_axe_finds_nothing_in_any_way(page: Page) -> None:
    for mode in MODES:
        if mode == "visualize":
            continue
        choose(page, mode)
        if mode == "challenge":
            page.get_by_role("button", name="Start the clock").click()
            page.locator(".mode .option").first.press("Enter")
        clean_in_both_schemes(page)


def test_a_page_with_hidden_answers_has_all_tasks_and_checks_them(
    chromium: Browser, tmp_path: Path, digits_trace: Trace
) -> None:
    (tmp_path / "hidden.html").write_text(trace_page(digits_trace, hide_answers=True))
    pages = Pages(chromium, lambda _: tmp_path / "hidden.html", digits_trace)
    page, seed = pages.open(place="#mode=try"), digits_trace.run.training.seed or 0
    made = lesson(digits_trace, "try", seed).exercises
    for number, exercise in enumerate(made):
        feedback, answers = page.locator(".task").nth(number).locator(".feedback"), None
        for at, blank in enumerate(exercise.blanks):
            for slip in blank.slips[:1]:
                answers = answers_of(exercise)
                answers[at] = slip.answer
                fill(page, number, answers)
                expect(feedback).to_contain_text(slip.remark)
        expect(feedback).not_to_contain_text(exercise.solution)
        if number == 0:
            for _ in range(3 - (answers is not None)):
                fill(page, number, ["0.123"] * len(exercise.blanks))
            expect(feedback).to_contain_text("hidden")
            continue
        within = exercise.blanks[0].within
        near = [str(float(each) + 0.9 * within) for each in answers_of(exercise)]
        fill(page, number, near if within else answers_of(exercise))
        expect(feedback).to_contain_text(exercise.solution)
    expect(page.locator(".score")).to_contain_text(f"{len(made) - 1} of {len(made)} solved")
    choose(page, "challenge")
    page.get_by_role("button", name="Start the clock").click()
    problems = lesson(digits_trace, "challenge", seed).problems
    for problem in problems:
        page.locator(".mode .option").nth((problem.answer + 1) % 4).press("Enter")
        expect(page.locator(".mode .verdict")).to_contain_text("Not this one")
        page.locator(".mode .option").nth(problem.answer).press("Enter")
        expect(page.locator(".mode .verdict")).to_contain_text(problem.remarks[problem.answer])
        page.locator(".mode .next").press("Enter")
    expect(page.locator(".mode .question")).to_contain_text(f"{len(problems)} of")
    choose(page, "review")
    known = {
        " ".join(each.text.split()): each for each in lesson(digits_trace, "review", seed).problems
    }
    for _ in range(4):
        page.locator(".mode .option").nth(known[words(page, ".mode .question")].answer).press(
            "Enter"
        )
        page.locator(".mode .next").press("Enter")
    expect(page.locator(".mode .question")).to_contain_text("4 of 4")
    pages.close()
