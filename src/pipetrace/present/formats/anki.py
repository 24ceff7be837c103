"""A quiz as a deck of Anki, written by genanki.

The ids of the deck and of its notes come from the trace and the seed: a second import updates the
cards, and keeps when each is due.
"""

import html
import io

from pipetrace.errors import library, visible
from pipetrace.explain.quiz import Question
from pipetrace.present.blocks import LETTERS
from pipetrace.present.formats.sheet import Sheet

MODEL = 1_615_028_837
"""The id of the type of note, the same in all decks."""
FIELDS = ("Question", "Options", "Answer", "Explanation", "Others", "See")
FRONT = '<div class="question">{{Question}}</div>{{Options}}'
BACK = """{{FrontSide}}<hr id=answer>
<p><b>{{Answer}}</b></p><p>{{Explanation}}</p>{{Others}}<p>{{See}}</p>"""
STYLE = """.card { font: 20px/1.4 sans-serif; max-width: 40em; margin: 0 auto; }
ol { list-style: upper-alpha; } .question { font-weight: bold; }"""


def anki(made: Sheet) -> bytes:
    """A package with a card for each question: the options in front, every remark behind."""
    genanki = library("genanki", "A deck of Anki is written by", "--format anki", "anki")
    model = genanki.Model(
        MODEL,
        "pipetrace question",
        fields=[{"name": name} for name in FIELDS],
        templates=[{"name": "Question", "qfmt": FRONT, "afmt": BACK}],
        css=STYLE,
    )
    # Anki takes ids up to 2 ** 63 and, by its own custom, not small ones; :: would nest the deck.
    first_bits = int.from_bytes(made.digest(), "big") >> 206
    deck = genanki.Deck(first_bits | 1 << 50, _text(made.name).replace("::", ": "))
    asked = zip(made.questions, made.places, strict=True)
    for number, (each, place) in enumerate(asked, 1):
        guid = made.digest(number).hex()[:20]
        deck.add_note(genanki.Note(model, _fields(each, place), guid=guid, tags=_tags(each)))
    packed = io.BytesIO()
    genanki.Package(deck).write_to_file(packed)
    return packed.getvalue()


def _fields(each: Question, place: str) -> list[str]:
    items = "".join(f"<li>{_text(option)}</li>" for option in each.options)
    others = "".join(
        f"<p>{LETTERS[index]}: {_text(remark)}</p>"
        for index, remark in enumerate(each.remarks)
        if index != each.answer
    )
    right = f"{LETTERS[each.answer]}. {_text(each.options[each.answer])}"
    return [
        _text(each.text),
        f"<ol>{items}</ol>",
        right,
        _text(each.remarks[each.answer]),
        others,
        _text(f"See: {place}."),
    ]


def _tags(each: Question) -> list[str]:
    return [tag.replace(" ", "_") for tag in ("pipetrace", each.level, each.skill) if tag]


def _text(text: str) -> str:
    """A text that stays text in a card; a brace of a template would be taken for a field."""
    return html.escape(visible(text)).replace("{{", "{&#123;")
