"""A quiz in GIFT, the text format of Moodle and of platforms that import from it.

Source: Moodle Docs, "GIFT format", and its importer ``question/format/gift/format.php``.
"""

import re
from collections.abc import Iterator

from pipetrace.errors import visible
from pipetrace.present.formats.sheet import Sheet

SPECIAL = re.compile(r"[\\~=#{}:]")


def gift(made: Sheet) -> str:
    """Questions with one right answer each; every option has its feedback."""
    lines = [
        f"// {visible(made.name)}",
        f"$CATEGORY: $course$/{visible(made.name).replace('/', '//')}",
    ]
    asked = zip(made.questions, made.places, strict=True)
    for number, (each, place) in enumerate(asked, 1):
        lines += ["", f"::{_text(f'{made.name}, question {number}')}::[plain]{_text(each.text)}{{"]
        lines += _options(each.options, each.remarks, each.answer)
        lines += [f"####[plain]{_text(f'See: {place}.')}", "}"]
    return "\n".join([*lines, ""])


def _options(options: tuple[str, ...], remarks: tuple[str, ...], answer: int) -> Iterator[str]:
    for index, (option, remark) in enumerate(zip(options, remarks, strict=True)):
        # With a format before it, no option can be taken for a weight, such as %50%.
        sign = "=" if index == answer else "~"
        yield f"{sign}[plain]{_text(option)}#[plain]{_text(remark)}"


def _text(text: str) -> str:
    """A text on one line, with what GIFT gives a meaning escaped."""
    return SPECIAL.sub(lambda found: f"\\{found[0]}", visible(text))
