"""Eight traces, made anew, say what they said when they were accepted.

Facts are held strictly: ``make accept`` leaves them alone, and ``make accept-facts`` takes them, which a change
of behaviour must explain. Words are taken by ``make accept``, after someone has read the difference.
"""

import difflib
import json
from pathlib import Path

import pytest
from tests.agreement import all_contradictions
from tests.golden import golden

import pipetrace

pytestmark = pytest.mark.framework
MOST_SHOWN = 60


@pytest.fixture(scope="module")
def traces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the eight traces."""
    folder = tmp_path_factory.mktemp("golden")
    golden.record(folder)
    return folder


def test_the_facts_are_those_that_were_accepted(
    traces: Path, request: pytest.FixtureRequest
) -> None:
    told = []
    for name in golden.NAMES:
        stored, made = golden.STORED / f"{name}.facts.json", golden.facts(traces / f"{name}.trace")
        if request.config.getoption("--accept-facts"):
            stored.write_text(golden.written(made) + "\n")
        told += [
            f"{name}{line}" for line in golden.differences(json.loads(stored.read_text()), made)
        ]
    assert not told, "\n".join(
        [f"{len(told)} facts differ; make accept-facts takes them", *told[:MOST_SHOWN]]
    )


def test_headline_findings_observations_and_insight_agree(traces: Path) -> None:
    read = {name: pipetrace.read(traces / f"{name}.trace") for name in golden.NAMES}
    assert all_contradictions(read) == []


def test_the_words_are_those_that_were_accepted(
    traces: Path, request: pytest.FixtureRequest
) -> None:
    told: list[str] = []
    for name in golden.NAMES:
        stored, made = golden.STORED / f"{name}.words.txt", golden.words(traces / f"{name}.trace")
        if request.config.getoption("--snapshot-update"):
            stored.write_text(made)
        old = stored.read_text()
        if not golden.same_text(old, made):
            told += difflib.unified_diff(
                old.split("\n"), made.split("\n"), name, "now", "", "", 1, ""
            )
    assert not told, "\n".join(["words differ; read them, then make accept takes them", *told])


def test_a_changed_fact_is_seen_and_a_rounding_is_not() -> None:
    stored = {"a": {"mean": 0.5, "count": 12, "kind": "layer", "cell": "2.24"}}
    assert (
        golden.differences(
            stored, {"a": {"mean": 0.50001, "count": 12, "kind": "layer", "cell": "2.25"}}
        )
        == []
    )
    changed = {"a": {"mean": 0.51, "count": 13, "kind": "step", "cell": "2.34"}}
    assert [line.partition(":")[0] for line in golden.differences(stored, changed)] == [
        "/a/mean",
        "/a/count",
        "/a/kind",
        "/a/cell",
    ]
    assert golden.differences({"old": 7.5}, {"new": 7.5}) == ["/old: 7.5 moved to /new"]


def test_text_is_compared_by_its_words_and_numbers() -> None:
    assert golden.same_text("Loss fell\n to 2.24.", "Loss fell to 2.25.")
    assert not golden.same_text("Loss fell to 2.24.", "Loss fell to 2.34.")
    assert not golden.same_text("31 of 32 filters", "30 of 32 filters")
    assert not golden.same_text("Loss fell to 2.24.", "Loss rose to 2.24.")
