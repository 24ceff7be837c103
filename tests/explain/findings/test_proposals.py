"""What a finding proposes helps: applied to its program, the finding is gone and the model better."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.explain.findings.conftest import told
from tests.explain.findings.faulty_models import OF_MODELS
from tests.explain.findings.faulty_programs import OF_INPUTS, OF_TARGETS, Faulty
from tests.explain.findings.proposals import applied
from tests.explain.findings.test_changes import changes
from tests.explain.findings.test_gaps import fails
from tests.explain.findings.test_rules import CASES

import pipetrace
from pipetrace.explain.findings.measured_run import measured
from pipetrace.record.run import Watched, run_script
from pipetrace.trace import Trace
from pipetrace.trace.document import FINISHED, STOPPED

WORDS = {
    "PT103": "how a constant input came about stands in code that is not recorded",
    "PT105": "which of two labels is right is known to whoever labelled",
    "PT106": "which rows are labelled wrongly is not known",
    "PT112": "why all rows are of one class stands in the code that reads them",
    "PT150": "the preprocessing of a base is known to its module",
    "PT308": "a symptom",
    "PT309": "a symptom",
    "PT310": "a symptom",
    "PT505": "the split stands in the code that made it",
    "PT506": "more rows must be collected",
    "PT607": "what cuts the gradient stands in the code of the layer",
    "PT801": "why a program was killed or stopped stands outside it",
}
"""Rules whose advice is words alone, and why no change of code can be proposed."""
RUN_ONLY = {
    "PT324": "one of three remedies for hard triplets; which one helps differs from task to task",
    "PT422": "overflow of 16-bit numbers needs a large model; here the policy is only set",
    "PT521": "balancing a generator and a discriminator takes several tries",
}
"""Rules whose change runs in ``test_changes.py``, and why no small program shows that it helps."""
PROGRAMS = [*OF_INPUTS, *OF_TARGETS, *OF_MODELS]
QUICK = "PT301"


def recorded(program: str, folder: Path, name: str) -> Trace:
    """The trace of a program, run as ``pipetrace run`` runs it."""
    place = folder / f"{name}.trace"
    (folder / f"{name}.py").write_text(program)
    watched = Watched(lambda _: place, {"after_training": "all", "budget": None, "verbose": False})
    with suppress(SystemExit):  # a fault may stop the program
        run_script(
            str(folder / f"{name}.py"), [], is_module=False, watched=watched, told=print, made=[]
        )
    return pipetrace.read(place)


def quality(trace: Trace, measure: str) -> float:
    """How good the model is, by its skill or its validation loss; far below all if unknown."""
    if measure == "loss":
        losses = [each.metrics["val_loss"] for each in trace.epochs]
        return -min(losses[-1:], default=1e9)
    run: Any = measured(trace)
    skill = run.skill(run.evaluated_rows)
    return -1e9 if skill is None else float(skill)


def unhelpful(faulty: Faulty, folder: Path, name: str) -> str:
    """What the change that is proposed for a program does not do; empty where it helps."""
    before = recorded(faulty.program, folder, name)
    assert fails(before, np.random.default_rng(0), 2) == [], name
    found = told(before, notes=True)
    if faulty.code not in found:
        return f"not found; {sorted(found)} are"
    finding = found[faulty.code]
    after = recorded(
        applied(faulty.program, finding.change, finding.stage), folder, f"{name}_cured"
    )
    if faulty.code in told(after, notes=True):
        return f"found again after {finding.change}"
    if after.ending.kind not in (FINISHED, STOPPED):
        return f"{after.ending.error} after {finding.change}"
    gain = quality(after, faulty.better) - quality(before, faulty.better)
    return "" if gain > 0 or faulty.better == "report" else f"{gain} after {finding.change}"


@pytest.mark.framework
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "programs",
    [
        [each for each in PROGRAMS if each.code == QUICK],
        pytest.param(PROGRAMS, marks=pytest.mark.slow),
    ],
    ids=["one", "all"],
)
def test_what_a_finding_proposes_helps(programs: list[Faulty], tmp_path: Path) -> None:
    failed = {}
    for number, each in enumerate(programs):
        name = f"{each.code}_{number}"
        if said := unhelpful(each, tmp_path, name):
            failed[name] = said
    assert failed == {}


def test_each_rule_that_proposes_a_change_has_a_program() -> None:
    proposing = {code for code, _ in changes()}
    assert proposing == {each.code for each in PROGRAMS} | set(RUN_ONLY)
    assert {case.code for case in CASES} - proposing == set(WORDS)
