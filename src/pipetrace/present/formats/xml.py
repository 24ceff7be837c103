"""Elements of XML documents that this package writes."""

import re
from xml.etree import ElementTree

from pipetrace.errors import visible

NO_CHARACTERS = re.compile("[\ufffe\uffff]")
"""What XML 1.0 has no place for and ``visible`` keeps."""


def element(
    tag: str, *children: "str | ElementTree.Element", **attributes: str
) -> ElementTree.Element:
    """An element with attributes, and its text or its children, or elements behind a text."""
    made = ElementTree.Element(tag, {key: _text(text) for key, text in attributes.items()})
    for child in children:
        if isinstance(child, str):
            made.text = _text(child)
        else:
            made.append(child)
    return made


def _text(text: str) -> str:
    return NO_CHARACTERS.sub("\N{REPLACEMENT CHARACTER}", visible(text))


def document(root: ElementTree.Element) -> str:
    """A document, an element a line where they hold no text."""
    ElementTree.indent(root, " ")
    text = ElementTree.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'
