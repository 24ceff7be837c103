"""Project: an experiment on this run, with a goal that a command grades."""

from pipetrace.explain.ablations import project
from pipetrace.explain.learn.lesson import Lesson, Part, Place
from pipetrace.explain.learn.program import program
from pipetrace.explain.learn.program.data import FILE as ROWS
from pipetrace.trace.document import Trace

ABOUT = "reach a goal; a command grades it"
INTRO = (
    "An experiment of your own: change the program of this run, record it again, and let the "
    "command say whether the goal is reached."
)
FILE = "yours.trace"
GRADING = (
    "Save the program as yours.py, {rows}change it, and run these two commands in a terminal. The "
    "first records your run; the second says which demands it meets, and its exit code is 0 where "
    "it meets all."
)
GIVEN = f"put your rows into {ROWS} beside it as its comment says, "
AGAIN = (
    "If your run falls short with this change, try another seed: seeds alone move the result, so "
    "it may take more than one."
)


def assignment(trace: Trace) -> Lesson:
    """Where the run stands, the goal, what to keep to, hints, and the program to start from."""
    asked = project(trace)
    if asked is None:
        text = "This run measured nothing that could get better."
        return Lesson("project", ABOUT, "", absent=text)
    made = program(trace)
    start = (
        "The program of this run. What it lacks is marked in it."
        if made.missing
        else "The program of this run, as it is."
    )
    parts = (
        Part(
            "Where it stands", (asked.state, asked.problem), place=Place("results", "the results")
        ),
        Part("The goal", (asked.goal,)),
        Part("What to keep to", asked.constraints),
        Part("Hints", asked.hints),
        Part("One way to it", (asked.told, AGAIN) if asked.told else (), closed=True),
        Part("To start from", (start,), code=made.code),
        Part(
            "To be graded",
            (GRADING.format(rows=GIVEN if f'"{ROWS}"' in made.code else ""),),
            code=f"pipetrace run yours.py --out {FILE}\n"
            + asked.command(FILE).replace(" --expect", " \\\n    --expect"),
        ),
    )
    return Lesson("project", ABOUT, INTRO, parts=tuple(each for each in parts if any(each.texts)))
