"""Right and wrong: the matrix, the rows behind its cells, and what follows from choosing one."""

import re
from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np
import pytest
from playwright.sync_api import Page, expect
from tests.browser.conftest import Pages, go
from tests.browser.test_explorer import here
from tests.browser.test_own import pooled
from tests.tasks import (
    KINDS,
    Net,
    autoencoder,
    binary,
    course,
    made,
    mask,
    multilabel,
    regression,
    rng_values,
    several,
)

from pipetrace.trace import Trace
from pipetrace.trace.document import Array

pytestmark = pytest.mark.browser

FEW = ("two numbers", "multilabel", "several", "waves", "failed", "one axis")
"""The kinds that differ most; ``learn/test_modes.py`` opens others."""
SECTION = "section:has(> #results)"


@pytest.fixture(scope="module")
def counts(digits_trace: Trace) -> Callable[[int], Array]:
    """The validation rows of each class that were predicted to be of each class, after an epoch."""
    kept = digits_trace.kept_rows
    assert kept is not None

    def count(epoch: int) -> Array:
        given = kept.outputs if epoch == 3 else kept.outputs_after[epoch]
        table = np.zeros((10, 10), int)
        np.add.at(table, (kept.targets[0], given[0].argmax(axis=1)), kept.validation)
        return table

    return count


@pytest.fixture
def page(shown: Page, digits_trace: Trace) -> Page:
    """One page for all tests, with the row, the epoch and the stage that it opens with, and no cell chosen."""
    go(shown, f"#stage=conv2d&row={digits_trace.predictions[0].row}&epoch=3&rather=0")
    if (every := shown.get_by_role("button", name="Show all wrong")).count():
        every.press("Enter")
    looked_at(shown)
    return shown


def looked_at(page: Page) -> None:
    """Go to the section, and wait until it is drawn."""
    page.locator(".kinds").scroll_into_view_if_needed()
    page.locator(".cameout:not([data-stale])").wait_for()


def matrix(page: Page) -> Array:
    texts = page.locator(".confusion td button").all_inner_texts()
    return np.array([int(text or 0) for text in texts]).reshape(10, 10)


def test_the_matrix_follows_the_epoch(page: Page, counts: Callable[[int], Array]) -> None:
    for epoch in (3, 0, 1):
        go(page, f"#epoch={epoch}")
        looked_at(page)
        assert (matrix(page) == counts(epoch)).all()
        lines = page.locator(".confusion .ofall").all_inner_texts()
        told = [[int(each) for each in re.findall(r"\d+", line)] for line in lines]
        assert told == [[row[at], row.sum()] for at, row in enumerate(counts(epoch))]
        verdict = page.locator(".cameout .verdict").inner_text()
        assert verdict.startswith(f"{counts(epoch).trace()} of {counts(epoch).sum()} ")


def test_a_cell_opens_its_rows_and_a_row_is_followed(
    page: Page, digits_trace: Trace, counts: Callable[[int], Array]
) -> None:
    kept = digits_trace.kept_rows
    assert kept is not None
    said = kept.outputs[0].argmax(axis=1)
    wrong = kept.numbers[(said != kept.targets[0]) & kept.validation]
    thumbs = page.locator(".thumbs button")
    assert {int(each.get_attribute("data-row") or -1) for each in thumbs.all()} == set(wrong)
    # The wrong ones follow their heading; the row that is followed, which may be right, stands above it.
    parts = page.locator(".gallery > *").evaluate_all("all => all.map(each => each.className)")
    assert parts == ["nowfollowed", "galleryhead", "thumbs"]
    off = counts(3) * (1 - np.eye(10, dtype=int))
    label, predicted = (int(each) for each in np.unravel_index(off.argmax(), off.shape))
    page.locator(f"[data-cell='{label}.{predicted}']").click()
    assert here(page)["cell"] == f"{label}.{predicted}"
    assert thumbs.count() == off.max()
    thumbs.first.click()
    row = int(here(page)["row"])
    at = kept.numbers.tolist().index(row)
    assert (kept.targets[0][at], said[at]) == (label, predicted)
    # The surest first.
    same = kept.validation & (kept.targets[0] == label) & (said == predicted)
    assert kept.outputs[0][at].max() == kept.outputs[0][same].max()
    assert page.locator(".thumbs [aria-pressed=true]").count() == 1
    page.get_by_role("button", name="Show all wrong").click()
    assert "cell" not in here(page)
    assert thumbs.count() == len(wrong)


def test_rows_of_each_kind_are_chosen_by_their_thumbnails(page: Page, digits_trace: Trace) -> None:
    kept = digits_trace.kept_rows
    assert kept is not None
    place = {int(number): at for at, number in enumerate(kept.numbers)}
    labels = kept.targets[0]
    for epoch in (0, 1, 3):
        page.locator(".scrubber input").fill(str(epoch))
        given = kept.outputs[0] if epoch == 3 else kept.outputs_after[epoch][0]
        looked_at(page)
        for name, right in (("Right", True), ("Surest wrong", False)):
            buttons = page.get_by_role("group", name=name, exact=True).locator("button")
            assert buttons.count()
            for button in buttons.all():
                at = place[int(button.get_attribute("data-row") or -1)]
                assert (given[at].argmax() == labels[at]) == right
    last = page.get_by_role("group", name="Least sure", exact=True).locator("button").first
    last.click()
    followed = page.locator(".kinds [aria-pressed=true]")
    assert followed.get_attribute("data-row") == here(page)["row"]


def test_a_cell_that_is_none_is_ignored_and_the_keys_move_inside_a_group(pages: Pages) -> None:
    page = pages.open(place="#cell=99.1")
    for place in ("#cell=99.1", "#cell=x", "#cell=1.missed&row=-3"):
        go(page, place)
        looked_at(page)
        assert page.locator(".confusion [aria-pressed=true]").count() == 0, place
        assert "wrong" in page.locator(".galleryhead h3").inner_text(), place
    # Each group is one tab stop.
    for group in (".confusion", ".thumbs", ".kinds"):
        assert page.locator(f"{group} [tabindex='0']").count() == 1
    page.locator(".confusion [tabindex='0']").focus()
    for key in ("ArrowRight", "ArrowDown", "ArrowDown"):
        page.keyboard.press(key)
    page.keyboard.press("Enter")
    assert here(page)["cell"] == "2.1"
    assert page.evaluate("document.activeElement.dataset.cell") == "2.1"


def test_numbers_are_points_that_open_their_rows(pages: Pages) -> None:
    trace = regression()
    page = pages.open(trace)
    kept = trace.kept_rows
    assert kept is not None
    points = page.locator(".scatter circle")
    assert points.count() == len(kept.numbers)
    # Each as far above the line as it is predicted too high.
    found = points.evaluate_all(
        "all => all.map(each => [each.dataset.row, each.getAttribute('cx'), each.getAttribute('cy')].map(Number))"
    )
    line = page.locator(".scatter .axis").evaluate(
        "each => ['x1', 'y1'].map(name => Number(each.getAttribute(name)))"
    )
    above = {int(row): (line[1] - cy) - (cx - line[0]) for row, cx, cy in found}
    off = (kept.outputs[0] - kept.targets[0])[:, 0]
    scale = above[0] / off[0]
    assert [above[row] for row in range(len(off))] == pytest.approx(list(off * scale), abs=1e-3)
    page.locator(".scatter [tabindex='0']").focus()
    before = page.evaluate("document.activeElement.dataset.row")
    for key in ("ArrowUp", "ArrowRight", "ArrowDown", "ArrowLeft"):
        page.keyboard.press(key)
    after = page.evaluate("document.activeElement.dataset.row")
    assert after == page.locator(".scatter [aria-pressed=true]").get_attribute("data-row")
    first = page.locator(".thumbs button").first
    assert int(first.get_attribute("data-row") or -1) == np.abs(off).argmax()
    assert before is not None


def test_a_line_for_each_label(pages: Pages) -> None:
    trace = multilabel()
    page = pages.open(trace)
    kept = trace.kept_rows
    assert kept is not None
    said, true = kept.outputs[0] > 0.5, kept.targets[0] > 0.5
    for label in range(said.shape[1]):
        missed, extra = (true & ~said)[:, label].sum(), (said & ~true)[:, label].sum()
        for kind, count in (("missed", missed), ("extra", extra)):
            button = page.locator(f"[data-cell='{label}.{kind}']")
            assert int(button.inner_text()) == count
            button.click()
            expect(page.locator(".thumbs button")).to_have_count(int(count))
            button.click()


@pytest.mark.parametrize("make", [mask, autoencoder])
def test_target_output_and_difference_of_the_row(pages: Pages, make: Callable[[], Trace]) -> None:
    trace = make()
    page = pages.open(trace)
    kept = trace.kept_rows
    assert kept is not None
    canvases = page.locator(".compared canvas")
    assert canvases.count() == 3
    rows, columns = kept.outputs[0].shape[1:3]
    assert canvases.first.evaluate("each => [each.width, each.height]") == [columns, rows]
    before = canvases.nth(1).evaluate("each => each.toDataURL()")
    page.locator(".thumbs button:not([aria-pressed=true])").first.click()
    for _ in range(50):  # it is drawn with the next picture of the browser
        if changed := canvases.nth(1).evaluate("each => each.toDataURL()") != before:
            break
        page.wait_for_timeout(100)
    assert changed


def test_a_series_is_two_lines(pages: Pages) -> None:
    net, wave = Net(), rng_values(16)
    net.dense("wave_again", net.source("wave", wave), 16)
    trace = made(net, "mse", course([2.0, 1.0]), targets=[wave])
    page, kept = pages.open(trace), trace.kept_rows
    assert kept is not None
    row = list(kept.numbers).index(trace.predictions[0].row)
    for role, values in (("validation", kept.targets[0]), ("training", kept.outputs[0])):
        path = page.locator(f".course .{role}[d]").get_attribute("d")
        assert path is not None
        heights = [float(each.split()[1]) for each in re.split("[ML]", path)[1:]]
        assert np.corrcoef(heights, np.asarray(values)[row])[0, 1] == pytest.approx(-1, abs=1e-4)
    # What it gives after an epoch is an image too.
    page.locator(".film").scroll_into_view_if_needed()
    expect(page.locator(".film .then").last.locator("canvas")).to_have_count(1)


def test_each_output_of_several_has_its_own_results(pages: Pages) -> None:
    page = pages.open(several())
    choice = page.locator(f"{SECTION} select")
    titles = []
    for at in range(choice.locator("option").count()):
        choice.select_option(index=at)
        titles.append(page.locator(".cameout .verdict").inner_text())
    assert len(set(titles)) == len(titles) > 1


def test_a_page_that_lacks_rows_says_so_and_one_without_any_has_no_section(
    pages: Pages, digits_trace: Trace
) -> None:
    page = pages.open(binary())
    note = page.locator(f"{SECTION} > .muted").inner_text()
    assert [int(each) for each in re.findall(r"\d+", note)] == [6, 40]
    kept = digits_trace.kept_rows
    assert kept is not None
    unknown = replace(digits_trace, kept_rows=replace(kept, targets=()))
    for trace in (replace(digits_trace, kept_rows=None), unknown):
        assert pages.open(trace, again=page).locator(".cameout").count() == 0


@pytest.mark.parametrize("kinds", [FEW, pytest.param(KINDS, marks=pytest.mark.slow)])
def test_any_kind_of_model(pages: Pages, kinds: Iterable[str]) -> None:
    """The fixture hears whatever goes wrong in the page."""
    page = None
    for kind in kinds:
        page = pages.open(KINDS[kind](), again=page, viewport={"width": 390, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, kind


def scores(trace: Trace, row: int, epoch: int | None = None) -> Array:
    kept = trace.kept_rows
    assert kept is not None
    given = kept.outputs if epoch is None else kept.outputs_after[epoch]
    return np.asarray(given[0][kept.numbers.tolist().index(row)], np.float64)


def wrong_row(trace: Trace) -> tuple[int, int, int]:
    """The first validation row that is wrong: its number, its class, the predicted one."""
    kept = trace.kept_rows
    assert kept is not None
    said = kept.outputs[0].argmax(axis=1)
    at = int(np.flatnonzero((said != kept.targets[0]) & kept.validation)[0])
    return int(kept.numbers[at]), int(kept.targets[0][at]), int(said[at])


def test_the_prediction_is_that_of_the_row_and_the_epoch(page: Page, digits_trace: Trace) -> None:
    row, label, _ = wrong_row(digits_trace)
    page.locator(f".thumbs [data-row='{row}']").click()
    for epoch in (None, 0, 2):
        if epoch is not None:
            page.locator(".film thead button").nth(epoch).click()
        page.locator("#prediction-title").scroll_into_view_if_needed()
        page.locator(".predicted:not([data-stale])").wait_for()
        assert f"ow {row:,}" in page.locator("#prediction-title").inner_text()
        shares = scores(digits_trace, row, epoch)
        texts = page.locator(".predicted .bars .number").all_inner_texts()
        told = [float(text.strip("<>\u00a0%")) for text in texts]
        assert np.allclose(told, 100 * shares, atol=0.11)
        verdict = page.locator(".predicted .verdict").inner_text()
        assert str(shares.argmax()) in verdict
        assert str(label) in verdict
        assert page.locator(".predicted .sourced.wrong").count() == 0


def test_a_wrong_row_leads_to_why_it_is_wrong(page: Page, digits_trace: Trace) -> None:
    row, label, said = wrong_row(digits_trace)
    go(page, "#stage=conv2d&at=5.6.3")
    looked_at(page)
    page.locator(f".thumbs [data-row='{row}']").click()
    told = page.locator(".nowfollowed [role=status]").inner_text()
    assert f"ow {row:,}, truly {label}" in told
    assert f"predicted {said}" in told
    page.get_by_role("button", name="See it in the pipeline").click()
    assert page.evaluate("document.activeElement.id") == "panel"
    # The place stays.
    assert here(page)["at"] == "5.6.3"
    page.get_by_role("button", name=f"Why {said} rather than {label}").click()
    state = here(page)
    assert (state["stage"], state["at"], state["rather"]) == ("dense", str(said), "1")
    shares = scores(digits_trace, row)
    difference = float(page.locator(".calc .steps dd.last").inner_text().replace("\u2212", "-"))
    assert difference == pytest.approx(np.log(shares[said] / shares[label]), abs=2e-3)
    assert "✓" in page.locator(".calc .check").inner_text()
    kernel = digits_trace.weights["dense/kernel"].astype(float)
    kept = digits_trace.kept_rows
    assert kept is not None
    [given] = kept.inputs.values()
    image = given[kept.numbers.tolist().index(row)].astype(float).reshape(28, 28)
    values = pooled(digits_trace, image / (255 if image.max() > 1 else 1))
    speaks = (values * (kernel[:, said] - kernel[:, label])).reshape(13, 13, -1).sum(axis=2)
    third = 3 * np.arange(13) // 13
    parts = [
        speaks[third == line][:, third == column].sum() for line in range(3) for column in range(3)
    ]
    words = [
        "upper left",
        "top",
        "upper right",
        "left",
        "middle",
        "right",
        "lower left",
        "bottom",
        "lower right",
    ]
    told = page.locator(".calc p").first.inner_text().replace("\u2212", "-")
    for best, who in ((int(np.argmax(parts)), said), (int(np.argmin(parts)), label)):
        [(part, number)] = re.findall(
            rf"speaks for {who}(?: is strongest)? at the ([a-z ]+) \(([-+.\d]+)\)", told
        )
        assert part == words[best]
        assert float(number) == pytest.approx(parts[best], abs=0.011)
    # The largest part is the product of a value and the difference of two weights.
    number = page.locator(".calc .terms tbody tr").first.locator("td").nth(2).inner_text()
    value = page.locator(".calc .terms tbody tr").first.locator("td").nth(1).inner_text()
    assert float(number) == pytest.approx(
        np.prod([float(each) for each in value.replace("\u2212", "-").split(" \u00d7 ")]), rel=0.02
    )
    assert np.abs(kernel[:, said] - kernel[:, label]).max() >= float(value.split(" \u00d7 ")[1])
    page.get_by_role("button", name=f"{said} rather than {label}", exact=True).click()
    assert "Keras recorded" in page.locator(".calc .check").inner_text()


LEGENDS = "all => all.map(each => each.textContent)"


def test_one_scale_holds_for_all_epochs(page: Page) -> None:
    seen: set[tuple[str, ...]] = set()
    painted: set[str] = set()
    for epoch in range(4):
        page.locator(".scrubber input").fill(str(epoch))
        page.locator(".pictures").scroll_into_view_if_needed()
        expect(page.locator(".pictures [data-stale]")).to_have_count(0)
        seen.add(tuple(page.locator(".pictures .legend").evaluate_all(LEGENDS)))
        painted.add(page.locator(".pictures canvas").nth(1).evaluate("each => each.toDataURL()"))
    assert len(seen) == 1
    assert "for all epochs" in "".join(next(iter(seen)))
    assert len(painted) == 4


def test_a_window_starts_to_slide_where_the_image_has_something(page: Page) -> None:
    page.locator("button.slide").click()
    page.locator(".numbers").first.wait_for()
    page.locator("button.slide").click()
    cells = page.locator(".numbers").first.locator("span")
    window = cells.evaluate_all("all => all.map(each => Number(each.title))")
    assert len(set(window)) > 1


def test_of_many_classes_those_that_matter_are_shown(shown: Page) -> None:
    found = shown.evaluate(
        """async () => {
          const { thatMatter } = await import("viewer/rows/outcomes.js");
          const many = Array.from({ length: 100 }, (_, at) => (at === 40 ? 0.5 : (100 - at) / 10000));
          return [thatMatter(many, 70, 40, null), thatMatter([0.2, 0.8], 1)];
        }"""
    )
    assert found == [[40, 0, 1, 2, 3, 70], [0, 1]]
