"""Minutes that fit what is in a way to learn, tasks that give nothing away, and names that agree."""

import re
from dataclasses import replace

from tests.explain.ablations.test_ablations import tried, with_ablations
from tests.explain.learn.test_lessons import repr_of
from tests.tasks import KINDS

from pipetrace.explain.ablations import ablations, project
from pipetrace.explain.findings.rule import all_rules
from pipetrace.explain.formatting import points, share
from pipetrace.explain.learn.lesson import Exercise, Part
from pipetrace.explain.learn.minutes import timed, words
from pipetrace.explain.learn.modes import MODES, lesson
from pipetrace.explain.learn.program import program
from pipetrace.explain.learn.steps_of_dense import steps_of_dense
from pipetrace.present.build.document import document
from pipetrace.present.lessons import lesson_blocks
from pipetrace.present.teach.hidden import hidden_lessons
from pipetrace.trace import Trace


def test_the_minutes_fit_the_words_and_the_tasks(digits_trace: Trace) -> None:
    for mode in MODES:
        made = lesson(digits_trace, mode)
        assert words(made) / 200 - 0.5 <= made.minutes, mode
        assert made.minutes <= 20, mode
    made = lesson(digits_trace, "try")
    longer = replace(made, minutes=0, parts=(Part("More", ("word " * 1000,)),))
    assert timed(longer).minutes == made.minutes + 5
    assert timed(replace(made, minutes=0, exercises=made.exercises[:1])).minutes < made.minutes - 3
    # A review asks a few of its questions at a time.
    review = lesson(digits_trace, "review")
    assert len(review.problems) > 10
    assert review.minutes <= 7
    for text in (*(each.front for each in review.cards), *(each.text for each in review.problems)):
        assert len(text.split()) <= 45


def answers(exercise: Exercise) -> set[str]:
    return {blank.answer for blank in exercise.blanks}


def test_no_two_tasks_of_the_digits_have_the_same_answer(digits_trace: Trace) -> None:
    for seed in range(20):
        made = lesson(digits_trace, "try", seed).exercises
        assert len(made) == 5
        told: set[str] = set()
        for exercise in made:
            assert told.isdisjoint(answers(exercise)), seed
            told |= answers(exercise)


def test_a_fault_is_asked_by_the_name_of_its_rule_and_what_it_means(digits_trace: Trace) -> None:
    rules = {each.code: each for each in all_rules()}
    asked = [each for each in lesson(digits_trace, "challenge").problems if "fault" in each.kind]
    assert asked
    for option in asked[0].options:
        found = re.fullmatch(r"([A-Z][^:]+): (.+) \((PT\d+)\)", option)
        assert found, option
        rule = rules[found[3]]
        assert found[1].lower() == rule.name.replace("-", " ").lower()
        assert found[2] == rule.what.rstrip(".")


def test_each_challenge_has_problems_of_its_own(digits_trace: Trace) -> None:
    made = lesson(digits_trace, "challenge")
    every = [(each.text, each.code) for each in (*made.problems, *made.spares)]
    assert len({*every}) == len(every) == 3 * len(made.problems)
    (sealed,) = hidden_lessons([made], "class")
    assert all(each.answer == -1 and not each.remarks for each in sealed.spares)


def test_the_goal_of_the_project_is_told_there_alone(digits_trace: Trace) -> None:
    total = digits_trace.run.model.parameters.total if digits_trace.run.model else 0
    value = digits_trace.epochs[-1].metrics["val_accuracy"]
    trace = with_ablations(
        digits_trace,
        tried("no_activation", 0.9991, parameters=total + 5),
        tried("half_rows", 0.5, 0.51, 0.52),
        seeds=(value, value + 0.004, value - 0.004),
    )
    asked, why = project(trace), lesson(trace, "why")
    assert asked is not None
    assert asked.reached
    (way,) = [row for row in ablations(trace) if row.title == asked.way]
    (other,) = [row for row in ablations(trace) if row.title != asked.way]
    told = repr_of(why)
    assert way.title not in told
    assert other.title in told
    assert "Project" in why.parts[-1].texts[0]
    made = lesson(trace, "project")
    (closed,) = [each for each in made.parts if each.closed]
    assert closed.texts[0] == way.text
    assert "another seed" in closed.texts[1]
    # The goal in words and the one that the command grades are the same number.
    (goal,) = [each for each in made.parts if each.heading == "The goal"]
    (graded,) = [each for each in made.parts if "--expect" in each.code]
    limit = re.search(r"val_accuracy >= ([\d.]+)", graded.code)
    assert limit
    assert f"so the goal is {share(float(limit[1]))}" in goal.texts[0]
    # The digits load their own rows.
    assert "your rows" not in graded.texts[0]
    table = why.parts[0].table
    assert table is not None
    assert [line[0] for line in table.rows] == [
        "as it is (mean of 3 seeds)",
        f"{other.title} (mean of 3 seeds)",
    ]
    assert other.effect is not None
    assert table.rows[1][table.header.index("difference")] == points(other.effect)
    for hides, blocks in ((False, lesson_blocks(made)), (True, lesson_blocks(made, answers=False))):
        assert (way.text in repr_of(tuple(blocks))) is not hides
    (sealed,) = hidden_lessons([made], "class")
    assert way.text not in repr_of(sealed)


def test_rows_are_asked_for_where_the_program_reads_them_from_a_file(digits_trace: Trace) -> None:
    run = digits_trace.run
    unknown = replace(digits_trace, run=replace(run, data=replace(run.data, origin="")))
    for trace, reads in ((digits_trace, False), (unknown, True)):
        (graded,) = [each for each in lesson(trace, "project").parts if "--expect" in each.code]
        assert ("put your rows into data.npz" in graded.texts[0]) is reads
        note = " ".join(program(trace).part("data").split()).replace("# ", "")
        assert ('np.savez("data.npz", x=..., y=...)' in note) is reads


def test_layers_are_counted_alike_in_all_places(digits_trace: Trace) -> None:
    for trace in (digits_trace, *(make() for make in KINDS.values())):
        model = trace.run.model
        if model is None:
            continue
        foot = next(each.text for each in document(trace).foot if each.name == "Model")
        table = lesson(trace, "learn").parts[1].table
        assert table is not None
        (layers,) = [text for name, text in table.rows if name == "layers"]
        told = layers.partition(", ")
        assert int(told[0].replace(",", "")) == model.layers
        assert f"{told[0]} layer" in foot
        assert told[2] in foot


def test_values_have_the_name_that_the_page_gives_them() -> None:
    found = 0
    for make in KINDS.values():
        trace = make()
        for stage in trace.stages:
            for step in steps_of_dense(trace, stage) or ():
                assert not re.search(r"\binput \d", " ".join(step.texts))
                found += bool(re.search(r"\bvalue \d", " ".join(step.texts)))
    assert found
