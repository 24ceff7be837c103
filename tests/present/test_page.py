"""The page is one file that needs nothing else, and no text in the data can become a part of it."""

import base64
import gzip
import hashlib
import html
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from tests.traces import HOSTILE, killed, renamed

import pipetrace
from pipetrace.errors import ArgumentError, OutputExistsError
from pipetrace.present.build.detail import DETAILS, UNLIMITED, Detail
from pipetrace.present.build.document import document
from pipetrace.present.comparison.page import ENTRY
from pipetrace.present.formats.json import to_json
from pipetrace.present.page import import_map, in_script, page, trace_page
from pipetrace.present.text import document_text
from pipetrace.trace import Trace

VIEWER = Path(pipetrace.__file__).parent / "present" / "viewer"
LARGEST = 2_500_000
LOADS = {"src", "href", "srcset", "data", "action", "poster", "background", "formaction"}
NAMESPACE = "http://www.w3.org/2000/svg"


class Parsed(HTMLParser):
    """The elements of a page, and the texts of its scripts, styles and title."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self.open: list[str] = []
        self.comments: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self.open.append(tag)
        if tag in ("script", "style", "title", "pre"):
            self.texts.setdefault(tag, []).append("")

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in self.texts:
            self.texts[self.open[-1]][-1] += data

    def handle_comment(self, data: str) -> None:
        self.comments.append(data)

    def script(self, **wanted: str) -> str:
        scripts = [attributes for tag, attributes in self.elements if tag == "script"]
        (index,) = [
            at
            for at, each in enumerate(scripts)
            if all(each.get(name) == value for name, value in wanted.items())
        ]
        return self.texts["script"][index]


@pytest.fixture(scope="module")
def text(digits_trace: Trace) -> str:
    return trace_page(digits_trace)


@pytest.fixture(scope="module")
def parsed(text: str) -> Parsed:
    return Parsed(text)


def unpacked(parsed: Parsed, name: str) -> str:
    """A packed script of a page."""
    return gzip.decompress(base64.b64decode(parsed.script(id=name))).decode()


@pytest.fixture(scope="module")
def modules(parsed: Parsed) -> dict[str, str]:
    """The viewer's modules as the page carries them, by the name that they are imported under."""
    found = json.loads(unpacked(parsed, "modules"))["imports"]
    start = "data:text/javascript;charset=utf-8,"
    assert all(address.startswith(start) for address in found.values())
    return {name: unquote(address.removeprefix(start)) for name, address in found.items()}


def policy(parsed: Parsed) -> dict[str, list[str]]:
    (content,) = [
        attributes["content"] or ""
        for tag, attributes in parsed.elements
        if tag == "meta" and attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    rules = [rule.split() for rule in content.split(";")]
    return {name: values for name, *values in rules}


def test_it_is_small(text: str) -> None:
    assert len(text.encode()) <= LARGEST


def test_nothing_in_it_is_loaded_from_elsewhere(parsed: Parsed, text: str) -> None:
    for tag, attributes in parsed.elements:
        for name in LOADS & attributes.keys():
            assert attributes[name] in ("data:,",), f"<{tag} {name}={attributes[name]}>"
        assert tag not in ("iframe", "object", "embed", "base", "form", "img", "video", "audio")
    style = "".join(parsed.texts["style"])
    assert "@import" not in style
    assert "url(" not in style
    assert not re.search(r"https?:|//[a-z]", style)
    assert 'http-equiv="refresh"' not in text.lower()


def test_no_module_calls_out(modules: dict[str, str]) -> None:
    for name, code in modules.items():
        bare = code.replace(NAMESPACE, "")
        assert not re.search(r"https?:", bare), name
        # A page of ``pipetrace serve`` asks its server; the policy of a page on disk forbids it.
        called = r"\b(fetch|XMLHttpRequest|WebSocket|EventSource|sendBeacon|importScripts|eval)\b"
        expected = {"fetch", "EventSource"} if name == "viewer/reload.js" else set()
        assert {*re.findall(called, bare)} == expected, name
        assert not re.search(
            r"\b(innerHTML|outerHTML|insertAdjacentHTML|document\.write)\b", bare
        ), name


def test_the_import_map_holds_every_module_as_it_is(modules: dict[str, str]) -> None:
    everything = {
        f"viewer/{file.relative_to(VIEWER)}": file.read_text(encoding="utf-8")
        for file in VIEWER.rglob("*.js")
    }
    compared = json.loads(import_map(ENTRY))["imports"].keys()
    assert compared | modules.keys() == everything.keys()
    assert modules.items() <= everything.items()
    assert not any(name.startswith("viewer/compare/") for name in modules)


def test_every_import_is_in_the_map(modules: dict[str, str], parsed: Parsed) -> None:
    [start] = [text for text in parsed.texts["script"] if "import(" in text]
    # Types are imported in comments; no such module is there to run.
    wanted = {
        name
        for code in modules.values()
        for name in re.findall(r"^\s*import [^;]*?from \"([^\"]+)\"", code, re.MULTILINE)
    }
    assert wanted | set(re.findall(r'import\("(.+?)"\)', start)) == modules.keys()


def test_the_policy_lets_nothing_in_but_its_own_scripts(parsed: Parsed) -> None:
    rules = policy(parsed)
    assert rules["default-src"] == ["'none'"]
    assert rules["font-src"] == ["'none'"]
    assert "'unsafe-inline'" not in rules["script-src"]
    assert "'unsafe-eval'" not in rules["script-src"]
    assert not {"connect-src", "frame-src", "object-src", "form-action"} & rules.keys()
    [start] = [text for text in parsed.texts["script"] if "import(" in text]
    hashes = {
        f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
        for text in (start, unpacked(parsed, "modules"))
    }
    assert set(rules["script-src"]) == {"data:", *hashes}


def test_the_policy_stands_before_anything_that_it_governs(parsed: Parsed) -> None:
    tags = [attributes.get("http-equiv") or tag for tag, attributes in parsed.elements]
    assert tags.index("Content-Security-Policy") < min(
        tags.index(tag) for tag in ("link", "style", "script")
    )


def test_without_scripts_the_plain_text_is_there(text: str, digits_trace: Trace) -> None:
    inside = text.partition("<noscript><pre>")[2].partition("</pre></noscript>")[0]
    assert html.unescape(inside) == document_text(document(digits_trace))


def test_the_data_is_that_of_the_view(parsed: Parsed, digits_trace: Trace) -> None:
    carried = json.loads(parsed.script(id="document").replace("\u00a0%", " %"))
    whole = json.loads(to_json(document(digits_trace)))
    # What the page draws from the model, it does not carry twice.
    for stage in whole["stages"]:
        stage |= {"image": None, "bars": []}
    for layer in whole["prediction"]["layers"]:
        layer["image"] = None
    whole["prediction"]["layers"] = [each for each in whole["prediction"]["layers"] if each["bars"]]
    assert carried == whole


def test_a_number_stays_with_its_percent_sign(parsed: Parsed) -> None:
    carried = parsed.script(id="document")
    assert "\u00a0%" in carried
    assert " %" not in carried


def test_it_says_its_language_and_size(parsed: Parsed) -> None:
    assert parsed.elements[0] == ("html", {"lang": "en"})
    assert (
        "meta",
        {"name": "viewport", "content": "width=device-width, initial-scale=1"},
    ) in parsed.elements
    assert ("meta", {"charset": "utf-8"}) in parsed.elements


@pytest.mark.parametrize(
    "name",
    [
        HOSTILE,
        "</script>",
        "</SCRIPT >",
        "<!--",
        "<!-- <script>",
        "-->",
        "]]>",
        "</title><b>",
        "</pre></noscript><img src=x>",
        "{document}{0}%s$&\\",
        "\u2028\u2029\ufeff",
        '"><svg onload=alert(1)>',
    ],
)
def test_no_name_breaks_out(digits_trace: Trace, parsed: Parsed, name: str) -> None:
    made = document(renamed(digits_trace, name))
    hostile = Parsed(page(made))
    assert [tag for tag, _ in hostile.elements] == [tag for tag, _ in parsed.elements]
    assert not hostile.comments
    assert json.loads(hostile.script(id="document").replace("\u00a0%", " %")) == json.loads(
        to_json(made)
    )
    assert hostile.texts["title"] == [f"{name} · {made.kind}"]
    assert hostile.script(id="modules") == parsed.script(id="modules")
    assert policy(hostile) == policy(parsed)


def test_no_script_holds_the_sign_that_could_end_it(digits_trace: Trace) -> None:
    hostile = Parsed(page(document(renamed(digits_trace, HOSTILE))))
    assert "<" not in hostile.script(id="document")
    assert json.loads(in_script(json.dumps("<!--</script>"))) == "<!--</script>"


def test_a_run_cut_short_has_a_page(digits_trace: Trace) -> None:
    carried = Parsed(page(document(killed(digits_trace, 0)))).script(id="document")
    assert json.loads(carried)["prediction"] is None


def test_detail_and_rows_limit_what_goes_in_and_the_page_says_what_is_missing(
    digits_trace: Trace,
) -> None:
    trace = replace(digits_trace, predictions=digits_trace.predictions[:1] * 3)

    def model(detail: str, rows: int | None) -> dict[str, Any]:
        made = Parsed(trace_page(trace, detail=detail, rows=rows))
        return dict(json.loads(unpacked(made, "model")))

    def arrays(view: dict[str, Any]) -> int:
        return sum(len(each["weights"]) for each in view["stages"])

    full, two = model("all", None), model("normal", 2)
    assert (len(full["rows"]), full["omitted"], arrays(full)) == (3, "", len(trace.weights))
    assert (len(two["rows"]), "--rows" in two["omitted"]) == (2, True)
    smallest = min(values.nbytes for values in trace.weights.values())
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(DETAILS, "brief", Detail(smallest, UNLIMITED, kept=0, epochs=0, images=0))
        brief = model("brief", None)
    assert (arrays(brief), "--detail all" in brief["omitted"]) == (1, True)
    for wrong in ({"detail": "most"}, {"rows": 0}):
        with pytest.raises(ArgumentError):
            trace_page(trace, **wrong)


def test_write_page_writes_it_whole_and_only_once(
    digits_trace: Trace, text: str, tmp_path: Path
) -> None:
    path = tmp_path / "run.html"
    pipetrace.write_page(digits_trace, path)
    assert path.read_text(encoding="utf-8") == text
    with pytest.raises(OutputExistsError):
        pipetrace.write_page(digits_trace, str(path))
    pipetrace.write_page(digits_trace, path, force=True)
    assert [entry.name for entry in tmp_path.iterdir()] == ["run.html"]
