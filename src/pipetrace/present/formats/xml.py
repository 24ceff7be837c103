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
    made = ElementTree.Element(tag, {key: text(value) for key, value in attributes.items()})
    for child in children:
        if isinstance(child, str):
            made.text = text(child)
        else:
            made.append(child)
    return made


def text(given: str, kept: str = "") -> str:
    """A text with the characters that XML has a place for; ``kept`` as for ``visible``."""
    return NO_CHARACTERS.sub("\N{REPLACEMENT CHARACTER}", visible(given, kept))


def document(root: ElementTree.Element) -> str:
    """A document, an element a line where they hold no text."""
    ElementTree.indent(root, " ")
    made = ElementTree.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{made}\n'
