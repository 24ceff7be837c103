"""What the rules found, as views, in plain text and in the terminal: in one place, and at the places concerned."""

import functools
import re
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from tests.present.terminal import in_terminal, joined
from tests.rules import WRONG, broken, only, rule, silent
from tests.traces import HOSTILE, killed, renamed

from pipetrace import Rule, Trace
from pipetrace.explain.findings.labels import how_sure, when
from pipetrace.present.build.document import document
from pipetrace.present.build.focus import focus
from pipetrace.present.text import document_text
from pipetrace.present.views import Document


@pytest.fixture
def wrong(digits_trace: Trace, monkeypatch: pytest.MonkeyPatch) -> Document:
    only(monkeypatch, *WRONG)
    return document(digits_trace)


# The view


def test_the_view_names_what_where_and_what_to_do(wrong: Document) -> None:
    view = wrong.findings
    assert view.title == "1 error and 1 warning from 4 rules"
    first, second = view.found
    assert (first.level, first.rule) == ("error", "PT201 dying-units")
    assert [(link.id, link.text) for link in first.places] == [
        ("stage/conv2d", "stage 3, Conv2D (conv2d)"),
        ("epoch/2", "epochs 2 and 3"),
    ]
    assert [each.rule for each in first.symptoms] == ["PT402 small-steps", "PT901 worth-knowing"]
    assert [each.id for each in (first, *first.symptoms, second)] == [
        "finding/1",
        "finding/1.1",
        "finding/1.2",
        "finding/2",
    ]
    assert (first.sure, first.symptoms[0].sure) == ("", "likely, 80 %")


def test_each_finding_and_symptom_is_marked_at_its_stage_and_at_its_first_epoch(
    wrong: Document,
) -> None:
    stages = {
        stage.name: [mark.rule for mark in stage.findings]
        for stage in wrong.stages
        if stage.findings
    }
    assert stages == {"conv2d": ["PT201 dying-units"], "dense": ["PT402 small-steps"]}
    epochs = {row.epoch: [mark.rule for mark in row.findings] for row in wrong.training.rows}
    assert epochs == {1: ["PT501 falls-still"], 2: ["PT201 dying-units"], 3: ["PT402 small-steps"]}
    places = {each.id for each in (*wrong.findings.found, *wrong.findings.found[0].symptoms)}
    assert {mark.id for stage in wrong.stages for mark in stage.findings} <= places


def test_evidence_that_the_finding_says_itself_is_not_told_again(
    digits_trace: Trace, monkeypatch: pytest.MonkeyPatch
) -> None:
    only(monkeypatch, rule("PT201", "twice", text="PT201 measured 61 of 64."))
    made = document(digits_trace)
    assert made.findings.found[0].evidence == ()
    assert document_text(made).count("PT201 measured 61 of 64") == 1
    assert "Evidence:" not in document_text(made)


def test_a_place_that_is_not_in_the_trace_has_no_link(
    digits_trace: Trace, monkeypatch: pytest.MonkeyPatch
) -> None:
    only(monkeypatch, rule("PT201", "lost", stage="nowhere", epochs=(9,)))
    (found,) = document(digits_trace).findings.found
    assert [(link.id, link.text) for link in found.places] == [("", "nowhere"), ("", "epoch 9")]


def test_a_healthy_run_has_one_line(digits_trace: Trace, monkeypatch: pytest.MonkeyPatch) -> None:
    only(monkeypatch, *(silent(f"PT90{index}") for index in range(3)))
    made = document(digits_trace)
    assert made.findings.title == "None of the 3 rules found anything wrong"
    text = document_text(made)
    assert text.count("None of the 3 rules found anything wrong.") == 1
    assert "Findings" not in text
    assert "None of the 3 rules found anything wrong." in joined(in_terminal(made, 100))


def test_a_rule_that_fails_is_told_beside_what_the_others_found(
    digits_trace: Trace, monkeypatch: pytest.MonkeyPatch
) -> None:
    only(monkeypatch, silent(), broken())
    made = document(digits_trace)
    told = "The rule PT998 not-written-well raised ZeroDivisionError: division by zero."
    assert made.findings.failed[0].startswith(told)
    for text in (document_text(made), in_terminal(made, 100), in_terminal(made, 60)):
        assert told in joined(text)


def test_what_is_wrong_takes_time_to_read(
    digits_trace: Trace, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = document(digits_trace).facts[-1]
    only(monkeypatch, rule("PT201", "long", text="word " * 1000))
    assert document(digits_trace).facts[-1] != before


# Words


@pytest.mark.parametrize(
    ("epochs", "told"),
    [
        ((), ""),
        ((3,), "epoch 3"),
        ((3, 3), "epoch 3"),
        ((4, 3), "epochs 3 and 4"),
        ((2, 3, 4), "epochs 2 to 4"),
        ((1, 3), "epochs 1 and 3"),
        ((2, 3, 4, 7), "epochs 2 to 4 and 7"),
        ((1, 3, 5), "epochs 1, 3 and 5"),
        ((1, 3, 5, 7, 8), "5 epochs between 1 and 8"),
    ],
)
def test_epochs_in_words(epochs: tuple[int, ...], told: str) -> None:
    assert when(epochs) == told


@pytest.mark.parametrize(
    ("confidence", "told"),
    [(1.0, "certain, 100 %"), (0.8, "likely, 80 %"), (0.333, "possible, 33 %")],
)
def test_how_sure_in_words(confidence: float, told: str) -> None:
    assert how_sure(confidence) == told


# The text and the terminal


def drawings() -> Iterator[Callable[[Document], str]]:
    yield document_text
    for width in (140, 100, 60):
        yield functools.partial(in_terminal, width=width)


@pytest.mark.parametrize("draw", list(drawings()))
def test_all_of_a_finding_is_shown_near_the_top(
    wrong: Document, draw: Callable[[Document], str]
) -> None:
    text = joined(draw(wrong))
    start, end = text.index("Findings"), text.index("Data flow")
    told = text[start:end]
    for view in wrong.findings.found:
        for each in (
            view.rule,
            view.text,
            *view.evidence,
            view.why,
            view.advice,
            *(link.text for link in view.places),
        ):
            assert each in told
        assert joined(view.change) in told
        for symptom in view.symptoms:
            assert symptom.rule in told
            assert symptom.text in told
    assert text.index(wrong.headline) < start
    assert "1 error and 1 warning from 4 rules" in told


@pytest.mark.parametrize("draw", list(drawings()))
def test_the_places_have_their_marks(wrong: Document, draw: Callable[[Document], str]) -> None:
    text = joined(draw(wrong))
    flow = text[text.index("Data flow") : text.index("Key insight")]
    assert re.search(
        r"error PT201 dying-units: 61 of 64 units give 0 for every row\.",
        flow,
        re.IGNORECASE,
    )
    # Once at the stage and once at the epoch.
    assert (
        len(re.findall("PT201 dying-units: 61", flow))
        == len(re.findall("PT402 small-steps: Up", flow))
        == 2
    )
    assert len(re.findall("PT501 falls-still: The", flow)) == 1


def test_the_levels_differ_in_the_terminal_by_word_and_by_colour(wrong: Document) -> None:
    text = in_terminal(wrong, 100, "truecolor")
    assert re.search("\x1b\\[1;31merror ", text)
    assert re.search("\x1b\\[1;33mwarning ", text)


def test_a_part_shows_the_marks_of_its_stages_alone(
    digits_trace: Trace, monkeypatch: pytest.MonkeyPatch
) -> None:
    only(monkeypatch, *WRONG)
    made = focus(digits_trace, "conv2d")
    for text in (document_text(made), in_terminal(made, 100)):
        assert "PT201 dying-units: 61 of 64" in joined(text)
        assert "Findings" not in text
        assert "PT501" not in text


def test_a_closed_fold_tells_of_its_stages(wrong: Document) -> None:
    from pipetrace.present.build.findings import marked_groups
    from pipetrace.present.views import GroupView

    group = GroupView("group/a", "a", "a, collapsed", "1", "2", "Two stages.", "0", 2, 3, False)
    (marked,) = marked_groups([group], wrong.stages)
    made = replace(wrong, groups=(marked,))
    for text in (document_text(made), in_terminal(made, 100)):
        flow = joined(text[text.index("Data flow") : text.rindex("\nTraining")])
        assert "PT201 dying-units: 61 of 64" in flow
    opened = replace(wrong, groups=(replace(marked, expanded=True),))
    flow = document_text(opened)
    flow = flow[flow.index("Data flow") : flow.index("Training:")]
    assert flow.count("PT201 dying-units") == 1


def test_findings_of_a_run_that_broke_off_are_shown(
    digits_trace: Trace, monkeypatch: pytest.MonkeyPatch
) -> None:
    only(monkeypatch, *WRONG)
    made = document(killed(digits_trace, 0))
    assert "PT201 dying-units, stage 3" in document_text(made)
    assert [link.id for link in made.findings.found[0].places] == ["stage/conv2d", ""]


def test_names_cannot_become_markup(digits_trace: Trace, monkeypatch: pytest.MonkeyPatch) -> None:
    def hostile() -> type[Rule]:
        return rule("PT201", "hostile", level="error", stage=HOSTILE, text=HOSTILE)

    only(monkeypatch, hostile())
    made = document(renamed(digits_trace, HOSTILE))
    assert "[bold]b[/bold] 100 %" in joined(in_terminal(made, 140).replace("\u2028", " "))
