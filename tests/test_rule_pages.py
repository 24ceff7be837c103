"""``docs/rules``: a page for each rule, in step with its class, and the list of all; and what is shipped."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from tests.markdown import DOCS, ROOT, blocks, sections
from tools import make_rule_pages as tool

from pipetrace.explain.findings import LEVELS, pages
from pipetrace.explain.findings.rule import AnyRule

FOLDER = DOCS / "rules"
HEADINGS = ["Evidence it needs", "Example", "When to ignore it"]


RULES = tuple(tool.rules())
CODES = [rule.code for rule in RULES]


def text_of(rule: AnyRule) -> str:
    return (FOLDER / f"{rule.code}.md").read_text(encoding="utf-8")


def words(text: str) -> str:
    return " ".join(text.split())


def test_each_rule_has_a_page_and_each_page_a_rule() -> None:
    assert sorted(path.stem for path in FOLDER.glob("*.md")) == sorted([*CODES, "README"])
    assert len(set(CODES)) == len(CODES)


def test_the_rest_of_the_page_is_written() -> None:
    for rule in RULES:
        written = sections(text_of(rule).partition(pages.END)[2])
        assert [part.heading for part in written] == HEADINGS
        for part in written:
            assert len(part.text.split()) >= 8, part.heading
        # The example shows what the rule says: its level, code and name at the head of a finding.
        (example,) = [part for part in written if part.heading == "Example"]
        shown = "\n".join(block.text for block in blocks(example.text))
        assert re.search(rf"(Error|Warning|Note) {rule.code} {rule.name}\b", words(shown))
        assert f"Why it matters: {words(rule.why).replace('`', '')}" in words(shown).replace(
            "`", ""
        )
        assert "Fix: " in shown


def masked(told: str) -> str:
    """A text without its figures and line ends: those of another machine differ, the rest must not."""
    return words(re.sub(r"-?\d[\d,]*(\.\d+)?( x 10\^-?\d+)?|nearly zero", "#", told))


@pytest.mark.framework
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("rules", [RULES[::32], pytest.param(RULES, marks=pytest.mark.slow)])
def test_the_examples_say_what_the_pages_show(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rules: tuple[AnyRule, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    pages_of = {rule.code: text_of(rule) for rule in rules}
    said = {code: masked(tool.said(text)) for code, text in pages_of.items()}
    assert said == {code: masked(tool.example(text)["said"]) for code, text in pages_of.items()}


def test_a_rule_says_what_it_is() -> None:
    for rule in RULES:
        assert re.fullmatch(r"PT\d{3}", rule.code)
        assert rule.code[:3] in tool.FAMILIES
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", rule.name)
        assert re.fullmatch(r"[a-z0-9]+(_[a-z0-9]+)*", rule.category)
        assert rule.level in LEVELS
        for told in (rule.what, rule.why):
            assert told[0].isupper() or not told[0].isalpha()
            assert told.endswith(".")
        known = set(CODES)
        assert set(rule.root_cause_of) <= known - {rule.code}


def test_the_made_parts_are_what_the_tool_makes() -> None:
    for place, text in tool.pages():
        assert place.read_text(encoding="utf-8") == text, "run: python tools/make_rule_pages.py"


def test_the_tool_leaves_alone_what_is_written_by_hand(tmp_path: Path) -> None:
    (first, *_) = RULES
    (tmp_path / "README.md").write_text(f"# A\n\n{tool.LIST_BEGIN}\nold\n{tool.LIST_END}\n\nB\n")
    (tmp_path / f"{first.code}.md").write_text(
        f"# old\n\nold\n{pages.END}\n\n## Written\n\nBy hand.\n"
    )
    made = {place.name: text for place, text in tool.pages(tmp_path)}
    assert made[f"{first.code}.md"] == f"{pages.head(first)}\n## Written\n\nBy hand.\n"
    assert made["README.md"].startswith("# A\n\n")
    assert made["README.md"].endswith("\n\nB\n")
    assert "\nold\n" not in made["README.md"]
    new = made[f"{RULES[1].code}.md"]
    assert [part.heading for part in sections(new)][1:] == HEADINGS


def test_a_changed_attribute_is_seen_on_the_page_and_in_the_list(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kind = RULES[0]
    assert isinstance(kind, type)
    changes: dict[str, Any] = {
        "name": "x-y",
        "level": "note",
        "category": "other",
        "what": "Other.",
        "why": "Why.",
    }
    changes |= {"root_cause_of": ("PT102",), "needs": ("epochs",)}
    for name, value in changes.items():
        with monkeypatch.context() as patch:
            patch.setattr(kind, name, value)
            (page, text), *_, (listing, rows) = tool.pages()
            assert page.read_text(encoding="utf-8") != text, name
            in_list = name in ("name", "level", "category", "what")
            assert (listing.read_text(encoding="utf-8") != rows) == in_list, name


def test_the_wheel_carries_the_pages_where_the_rules_look_for_them() -> None:
    build = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"][
        "targets"
    ]["wheel"]
    names = ("rules", "messages.md", "trace.schema.json")
    assert build["force-include"] == {f"docs/{name}": f"pipetrace/docs/{name}" for name in names}
    beside, checkout = pages.folders()
    assert beside == ROOT / "src" / "pipetrace" / "docs"
    assert checkout == DOCS


def test_a_page_is_read_from_beside_the_rules_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "folders", lambda: (tmp_path, DOCS))
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "PT001.md").write_text(
        f"# PT001 x\n\n{pages.BEGIN}\nMade.\n{pages.END}\n\nWritten.\n"
    )
    assert pages.page("PT001") == pages.Page("# PT001 x\n\nMade.", "Written.")
    assert pages.page("PT002") is not None
    assert pages.page("MY001") is None
