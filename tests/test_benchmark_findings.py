"""How the benchmark of findings counts: what is told of the repaired program too is no diagnosis."""

from typing import Any

from benchmarks.findings import Score

from pipetrace.explain.findings import WARNING, Finding

FAULT: dict[str, Any] = {
    "category": "dying_relu",
    "layer": "a",
    "layer_alt": ["b"],
    "also": ["nan"],
}
MINOR = {"category": "optimizer", "layer": None, "minor": True}


def told(category: str, stage: str | None = None) -> Finding:
    return Finding(
        "PT000", "a-rule", WARNING, category, stage, (), "It is.", (), "It costs.", "Mend it."
    )


def test_a_fault_is_told_by_its_category_or_an_equally_right_one() -> None:
    assert Score([FAULT], [told("dying_relu")]).diagnosed(FAULT)
    assert Score([FAULT], [told("nan")]).diagnosed(FAULT)
    assert not Score([FAULT], [told("lr_too_low")]).diagnosed(FAULT)


def test_what_the_repaired_program_is_told_too_does_not_count() -> None:
    assert not Score([FAULT], [told("dying_relu")], [told("dying_relu")]).diagnosed(FAULT)
    assert Score([FAULT], [told("dying_relu"), told("nan")], [told("dying_relu")]).diagnosed(FAULT)


def test_a_place_is_right_at_any_of_the_layers() -> None:
    assert Score([FAULT], [told("dying_relu", "b")]).located(FAULT)
    assert not Score([FAULT], [told("dying_relu", "c"), told("lr_too_low", "a")]).located(FAULT)


def test_minor_faults_are_there_and_need_not_be_told() -> None:
    score = Score([FAULT, MINOR], [told("optimizer"), told("overfitting")])
    assert score.counted == [FAULT]
    assert [each.category for each in score.right] == ["optimizer"]
