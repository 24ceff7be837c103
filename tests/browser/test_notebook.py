"""A notebook is executed, written as HTML, and used in the browser."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbconvert import HTMLExporter
from playwright.sync_api import Browser, expect
from tests.browser.conftest import PATIENCE, Heard

pytestmark = pytest.mark.browser

CELLS = (
    "import pipetrace\ntrace = pipetrace.read({path!r})\ntrace",
    "pipetrace.findings(trace)",
    "pipetrace.quiz(trace)",
)


@pytest.fixture
def notebook(digits_file: Path, tmp_path: Path) -> Path:
    """The HTML of a notebook that shows the recorded run."""
    made = nbformat.v4.new_notebook()
    made.cells = [nbformat.v4.new_code_cell(cell.format(path=str(digits_file))) for cell in CELLS]
    NotebookClient(made, timeout=300, kernel_name="python3").execute()
    plain = [cell.outputs[0].data["text/plain"] for cell in made.cells]
    assert plain[2].startswith("question: ")
    body, _ = HTMLExporter(template_name="basic").from_notebook_node(made)
    path = tmp_path / "notebook.html"
    path.write_text(f"<!doctype html><meta charset='utf-8'>{body}", encoding="utf-8")
    return path


def test_the_page_works_within_the_frame_of_a_notebook(chromium: Browser, notebook: Path) -> None:
    heard = Heard()
    context = chromium.new_context(offline=True, viewport={"width": 1280, "height": 900})
    context.set_default_timeout(PATIENCE)
    heard.listen(context)
    page = context.new_page()
    page.goto(notebook.as_uri())
    frame = page.frame_locator("iframe")
    expect(frame.locator("footer")).to_be_visible()
    tab = frame.get_by_role("tab", name="Flatten")
    tab.click()
    expect(tab).to_have_attribute("aria-selected", "true")
    frame.locator("button.theme").click()
    expect(frame.locator("html")).to_have_attribute("data-theme", "dark")
    # A link within the page stays in the frame, and leads to its place.
    within = page.frames[1]
    within.evaluate("app.insertAdjacentHTML('afterbegin', '<a href=\"#insight\">there</a>')")
    frame.get_by_role("link", name="there").click()
    assert within.evaluate("scrollY") > 1000
    expect(frame.locator("footer")).to_have_count(1)
    assert [each.url for each in page.frames[1:]] == ["about:srcdoc"]
    assert page.locator("details pre").count() == 1
    assert page.locator("table th").count() == 2
    context.close()
    assert not heard.wrong
