"""A quiz in each format, read back by somebody else's reader: what comes out is what went in."""

import io
import json
import re
import sqlite3
import sys
import zipfile
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from lxml import etree
from moodle_xml_parser.parser import parse_string
from pyslet.qtiv2.variables import ItemSessionState
from pyslet.qtiv2.xml import QTIDocument
from qti_convert import upgrade_package
from tests.traces import HOSTILE, renamed

from pipetrace.config import CHOICES
from pipetrace.errors import MissingLibraryError, visible
from pipetrace.explain.quiz import Question
from pipetrace.present.formats.quiz import QUIZ_FORMS, SUFFIXES, sheet
from pipetrace.present.formats.sheet import Sheet
from pipetrace.trace import Trace

Read = tuple[str, list[tuple[str, bool, str]]]
"""A question as a platform has it: its text, and each option with whether it is right and its remark."""
TEXTS = ("name", "questiontext", "generalfeedback", "answer", "feedback")
"""The elements of Moodle XML that hold their text in an element of its own."""
HOSTILE_TEXT = "~ = # { } : \\ -> // %50%x & <b>'\"</b> :: {{Question}} \ufffe"


def expected(made: Sheet) -> list[Read]:
    return [
        (
            each.text,
            [
                (option, index == each.answer, remark)
                for index, (option, remark) in enumerate(
                    zip(each.options, each.remarks, strict=True)
                )
            ],
        )
        for each in made.questions
    ]


@pytest.fixture
def made(digits_trace: Trace) -> Sheet:
    """A quiz with every character that some format gives a meaning."""
    plain = sheet(digits_trace, "student-17", 8, answers=True)
    first: Question = plain.questions[0]
    hostile = replace(
        first,
        text=f"{HOSTILE_TEXT} {first.text}",
        options=tuple(f"{sign}{HOSTILE_TEXT}" for sign in ("%50%", "[html]", "=", "")),
        remarks=tuple(f"{number}{HOSTILE_TEXT}" for number in range(4)),
    )
    return replace(plain, title=f"a/b {HOSTILE_TEXT}", questions=(hostile, *plain.questions[1:]))


def without(text: str) -> str:
    """XML 1.0 has no place for one of the characters."""
    return text.replace("\ufffe", "\ufffd")


def read_json(text: str) -> list[Read]:
    return [
        (each["text"], [(one["text"], one["right"], one["remark"]) for one in each["options"]])
        for each in json.loads(text)["questions"]
    ]


# Moodle's grammar of GIFT: an escaped character is text, whatever it is.
PIECE = r"(?:\\.|[^\\~=#{}:\n])*"
GIFT_OPTION = re.compile(rf"([=~])\[plain\]({PIECE})#\[plain\]({PIECE})\n")
GIFT_QUESTION = re.compile(
    rf"::{PIECE}::\[plain\]({PIECE})\{{\n((?:{GIFT_OPTION.pattern})+)####\[plain\]{PIECE}\n\}}\n"
)


def read_gift(text: str) -> list[Read]:
    head, *questions = text.split("\n\n")
    assert [line[:2] for line in head.splitlines()] == ["//", "$C"]
    found = []
    for each in questions:
        matched = GIFT_QUESTION.fullmatch(f"{each.rstrip()}\n")
        assert matched, each
        options = GIFT_OPTION.findall(matched[2])
        found.append(
            (
                unescaped(matched[1]),
                [
                    (unescaped(option), sign == "=", unescaped(remark))
                    for sign, option, remark in options
                ],
            )
        )
    return found


def unescaped(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)


def read_moodle(text: str) -> list[Read]:
    category = ElementTree.fromstring(text).findtext("question[@type='category']/category/text")
    assert str(category).replace("//", "").count("/") == 2, "the title begins no category"
    return [
        (
            each.text_pre_parse,
            [(one.answer, one.score_fraction == 100, one.feedback) for one in each.options],
        )
        for each in parse_string(text)["multichoice"]
    ]


def read_qti(data: bytes) -> list[Read]:
    """Through a converter to QTI 3.0, which follows the manifest and refuses what it does not know."""
    upgraded: Any = upgrade_package(data)
    files = upgraded.files if hasattr(upgraded, "files") else upgraded
    found = []
    for name in sorted(each for each in files if each.startswith("question")):
        item = ElementTree.fromstring(files[name])
        for each in item.iter():
            each.tag = each.tag.partition("}")[2]
        right = item.findtext("qti-response-declaration/qti-correct-response/qti-value")
        body = item.find("qti-item-body/qti-choice-interaction")
        assert body is not None
        remarks = {
            each.get("identifier"): "".join(each.itertext()).strip()
            for each in item.iter("qti-modal-feedback")
        }
        options = [
            (
                "".join(each.itertext()),
                each.get("identifier") == right,
                remarks[each.get("identifier")],
            )
            for each in body.iter("qti-simple-choice")
        ]
        found.append((body.findtext("qti-prompt") or "", options))
    return found


def read_anki(data: bytes) -> list[Read]:
    found = []
    with notes(data) as rows:
        for _, _, fields, _ in rows.execute("SELECT id, guid, flds, tags FROM notes ORDER BY id"):
            text, options, answer, explanation, others, _ = fields.split("\x1f")
            letter, _, _ = answer.partition(".")
            remarks = dict(re.findall(r"<p>([A-D]): (.*?)</p>", others)) | {letter: explanation}
            listed = re.findall(r"<li>(.*?)</li>", options)
            found.append(
                (
                    unescape(text),
                    [
                        (unescape(option), key == letter, unescape(remarks[key]))
                        for key, option in zip("ABCD", listed, strict=True)
                    ],
                )
            )
    return found


def notes(data: bytes) -> closing[sqlite3.Connection]:
    with zipfile.ZipFile(io.BytesIO(data)) as package:
        assert sorted(package.namelist()) == ["collection.anki2", "media"]
        database = sqlite3.connect(":memory:")
        database.deserialize(package.read("collection.anki2"))
    return closing(database)


READERS: Mapping[str, Callable[[Any], list[Read]]] = {
    "json": read_json,
    "gift": read_gift,
    "moodle": read_moodle,
    "qti": read_qti,
    "anki": read_anki,
}


@pytest.mark.parametrize("form", READERS)
def test_a_reader_finds_every_question_with_its_answer_and_remarks(made: Sheet, form: str) -> None:
    seen = [
        (
            without(text),
            [(without(option), right, without(remark)) for option, right, remark in options],
        )
        for text, options in READERS[form](QUIZ_FORMS[form](made))
    ]
    wanted = [
        (
            without(visible(text)),
            [(without(option), right, without(remark)) for option, right, remark in options],
        )
        for text, options in expected(made)
    ]
    assert seen == wanted
    assert len(seen) == 8


def test_the_formats_are_those_of_the_command_line() -> None:
    assert tuple(QUIZ_FORMS) == CHOICES["quiz"]
    assert set(SUFFIXES) == set(QUIZ_FORMS)


def test_text_and_json_keep_the_answers_to_themselves_unless_asked(digits_trace: Trace) -> None:
    for answers in (False, True):
        made = sheet(digits_trace, 1, 5, answers=answers)
        for form in ("text", "json"):
            text = " ".join(str(QUIZ_FORMS[form](made)).split())
            for each in made.questions:
                assert all(option in text for option in each.options)
                assert all(
                    (remark in text) == answers for remark in each.remarks if len(remark) > 20
                )


def test_the_same_quiz_keeps_its_ids_and_another_has_others(digits_trace: Trace) -> None:
    ids = []
    for seed in (1, 1, 2):
        made = sheet(digits_trace, seed, 4)
        with notes(bytes(QUIZ_FORMS["anki"](made))) as rows:  # type: ignore[arg-type]
            guids = {guid for (guid,) in rows.execute("SELECT guid FROM notes")}
            decks = json.loads(rows.execute("SELECT decks FROM col").fetchone()[0])
            assert rows.execute("SELECT count(*) FROM cards").fetchone() == (4,)
        assert len(guids) == 4
        ids.append((frozenset(guids), frozenset(set(decks) - {"1"})))
    assert ids[0] == ids[1]
    assert not ids[0][0] & ids[2][0]
    assert not ids[0][1] & ids[2][1]
    assert QUIZ_FORMS["qti"](sheet(digits_trace, 1, 4)) == QUIZ_FORMS["qti"](
        sheet(digits_trace, 1, 4)
    )


def test_the_package_names_every_file_that_it_holds(made: Sheet) -> None:
    with zipfile.ZipFile(io.BytesIO(bytes(QUIZ_FORMS["qti"](made)))) as package:  # type: ignore[arg-type]
        names = set(package.namelist())
        roots = {name: ElementTree.fromstring(package.read(name)) for name in names}
    spaced = {
        "c": "http://www.imsglobal.org/xsd/imscp_v1p1",
        "q": "http://www.imsglobal.org/xsd/imsqti_v2p1",
    }
    listed = {
        str(each.get("href")) for each in roots["imsmanifest.xml"].iterfind(".//c:file", spaced)
    }
    assert listed == names - {"imsmanifest.xml"}
    asked = {
        str(each.get("href"))
        for each in roots["test.xml"].iterfind(".//q:assessmentItemRef", spaced)
    }
    assert asked == listed - {"test.xml"}
    ids = [str(each.get("identifier")) for each in roots["imsmanifest.xml"].iter()]
    used = {each.get("identifierref") for each in roots["imsmanifest.xml"].iter()} - {None}
    assert used == {each for each in ids if "-question" in each}
    assert len(used) == len(asked)


def test_every_file_of_the_package_follows_the_grammar_of_qti(made: Sheet) -> None:
    grammar = etree.RelaxNG(etree.parse(Path(__file__).with_name("qti21.rng")))
    with zipfile.ZipFile(io.BytesIO(bytes(QUIZ_FORMS["qti"](made)))) as package:  # type: ignore[arg-type]
        roots = {name: etree.fromstring(package.read(name)) for name in package.namelist()}
    for name, root in roots.items():
        assert grammar.validate(root), (name, grammar.error_log)
    item = roots["question1.xml"]
    item.insert(0, item[-1])  # feedback ahead of the declarations
    assert not grammar.validate(item)


@pytest.mark.filterwarnings("ignore:.* is deprecated, use:DeprecationWarning")
def test_an_engine_gives_a_point_for_the_right_option_alone(made: Sheet) -> None:
    """And the remark on the chosen option, each time."""
    with zipfile.ZipFile(io.BytesIO(bytes(QUIZ_FORMS["qti"](made)))) as package:  # type: ignore[arg-type]
        files = [package.read(f"question{at}.xml") for at in range(1, len(made.questions) + 1)]
    for data, question in zip(files, made.questions, strict=True):
        item = QTIDocument()
        item.read(src=io.BytesIO(data))
        for index, letter in enumerate("ABCD"):
            taken = ItemSessionState(item.root)
            taken.begin_session()
            taken.map["RESPONSE"].set_value(letter)
            taken.end_attempt()
            assert taken.map["SCORE"].value == float(index == question.answer)
            assert taken.map["FEEDBACK"].value == letter


def test_moodle_xml_has_what_the_importer_of_moodle_reads(made: Sheet) -> None:
    """Its fields, each once, and the values that it knows: the methods ``import_headers``,
    ``import_multichoice`` and ``trans_format`` of ``question/format/xml/format.php``."""
    head, *questions = ElementTree.fromstring(str(QUIZ_FORMS["moodle"](made)))
    assert (head.get("type"), [each.tag for each in head]) == ("category", ["category"])
    once = {
        *("name", "questiontext", "generalfeedback", "defaultgrade", "penalty", "hidden"),
        *("single", "shuffleanswers", "answernumbering"),
    }
    for question in questions:
        counts = Counter(each.tag for each in question)
        assert counts == {**dict.fromkeys(once, 1), "answer": 4}
        assert question.get("type") == "multichoice"
        for each in question.iter():
            assert each.get("format") in (None, "plain_text")
            assert (each.find("text") is not None) == (each.tag in TEXTS)
        assert question.findtext("answernumbering") in ("abc", "ABCD", "123", "iii", "IIII", "none")
        assert {question.findtext(name) for name in ("single", "shuffleanswers")} == {
            "true",
            "false",
        }
        assert 0 < float(question.findtext("defaultgrade", "")) <= 1
        assert 0 <= float(question.findtext("penalty", "")) <= 1
        fractions = [float(each.get("fraction", "nan")) for each in question.iter("answer")]
        assert sorted(fractions) == [0, 0, 0, 100]


@pytest.mark.parametrize("form", QUIZ_FORMS)
def test_a_name_of_a_strangers_trace_breaks_no_format(digits_trace: Trace, form: str) -> None:
    made = sheet(renamed(digits_trace, HOSTILE), 3, 12, answers=True)
    written = QUIZ_FORMS[form](made)
    if form in READERS:
        assert len(READERS[form](written)) == len(made.questions)


def test_anki_without_genanki_says_what_to_install(
    made: Sheet, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "genanki", None)
    with pytest.raises(MissingLibraryError, match="genanki"):
        QUIZ_FORMS["anki"](made)
