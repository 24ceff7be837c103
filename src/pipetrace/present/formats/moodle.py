"""A quiz in Moodle XML, the format that holds everything that Moodle knows of a question.

Source: Moodle Docs, "Moodle XML format", and its exporter ``question/format/xml/format.php``.
"""

from xml.etree.ElementTree import Element

from pipetrace.present.blocks import LETTERS
from pipetrace.present.formats.sheet import Sheet
from pipetrace.present.formats.xml import document, element

PLAIN = "plain_text"


def moodle(made: Sheet) -> str:
    """Questions with one right answer each; every option has its feedback."""
    # A slash in the name of a category is doubled; a single one would begin a category within it.
    category = f"$course$/top/{made.name.replace('/', '//')}"
    head = element("question", element("category", element("text", category)), type="category")
    questions = (_question(made, number) for number in range(len(made.questions)))
    return document(element("quiz", head, *questions))


def _question(made: Sheet, number: int) -> Element:
    each = made.questions[number]
    answers = [
        element(
            "answer",
            element("text", option),
            _formatted("feedback", remark),
            fraction="100" if index == each.answer else "0",
            format=PLAIN,
        )
        for index, (option, remark) in enumerate(zip(each.options, each.remarks, strict=True))
    ]
    return element(
        "question",
        element("name", element("text", f"{made.name}, question {number + 1}")),
        _formatted("questiontext", each.text),
        _formatted("generalfeedback", f"See: {made.places[number]}."),
        element("defaultgrade", "1"),
        element("penalty", "0.3333333"),
        element("hidden", "0"),
        element("single", "true"),
        # The options keep the order, and so the letters, of the page and the answer sheet.
        element("shuffleanswers", "false"),
        element("answernumbering", LETTERS),
        *answers,
        type="multichoice",
    )


def _formatted(tag: str, text: str) -> Element:
    return element(tag, element("text", text), format=PLAIN)
