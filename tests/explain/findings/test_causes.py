"""Causes before their symptoms."""

from collections.abc import Mapping

from pipetrace.explain.findings import ERROR, NOTE, WARNING, Finding
from pipetrace.explain.findings.engine import by_root_cause


def found(code: str, level: str = WARNING) -> Finding:
    return Finding(
        code, code.lower(), level, "kind", None, (), "It is.", (), "It costs.", "Mend it."
    )


def told(explains: Mapping[str, tuple[str, ...]], *given: Finding) -> dict[str, list[str]]:
    return {
        each.code: [inner.code for inner in each.symptoms]
        for each in by_root_cause(given, explains)
    }


def test_a_symptom_stands_under_its_cause() -> None:
    assert told({"PT1": ("PT2",)}, found("PT2"), found("PT1"), found("PT3")) == {
        "PT1": ["PT2"],
        "PT3": [],
    }


def test_what_a_symptom_explains_stands_under_the_cause_too() -> None:
    assert told({"PT1": ("PT2",), "PT2": ("PT3",)}, found("PT3"), found("PT2"), found("PT1")) == {
        "PT1": ["PT2", "PT3"]
    }


def test_a_note_explains_notes_only() -> None:
    explains = {"PT1": ("PT2", "PT3")}
    assert told(explains, found("PT1", NOTE), found("PT2"), found("PT3", NOTE)) == {
        "PT2": [],
        "PT1": ["PT3"],
    }


def test_of_two_that_explain_each_other_the_graver_one_is_the_cause() -> None:
    explains = {"PT1": ("PT2",), "PT2": ("PT1",)}
    assert told(explains, found("PT1"), found("PT2", ERROR)) == {"PT2": ["PT1"]}


def test_a_ring_of_three_loses_none() -> None:
    explains = {"PT1": ("PT2",), "PT2": ("PT3",), "PT3": ("PT1",)}
    result = told(explains, found("PT1"), found("PT2"), found("PT3"))
    assert len(result) == 1
    assert sorted([*result, *result[next(iter(result))]]) == ["PT1", "PT2", "PT3"]


def test_the_gravest_come_first_and_then_those_that_explain_most() -> None:
    explains = {"PT3": ("PT8", "PT9"), "PT2": ("PT7",)}
    given = (
        found("PT1"),
        found("PT2"),
        found("PT3"),
        found("PT4", ERROR),
        found("PT7"),
        found("PT8"),
        found("PT9"),
    )
    assert list(told(explains, *given)) == ["PT4", "PT3", "PT2", "PT1"]
