"""Errors in one line."""

import itertools
import re
from textwrap import shorten


def in_short(error: BaseException) -> str:
    """An error in one line: its class and its words, without TensorFlow's account of where the graph was made."""
    lines = re.sub(r"\x1b\[[0-9;]*m", "", str(error)).splitlines()
    places = [
        number
        for number, line in enumerate(lines)
        if line.strip().startswith(('File "', "Stack trace"))
    ]
    said = (
        lines[places[-1] + 1 :]
        if places and any(line.strip() for line in lines[places[-1] + 1 :])
        else lines
    )
    raised = [
        number
        for number, line in enumerate(said)
        if re.match(r"\s*[A-Za-z_.]*(Error|Exception): ", line)
    ]
    if raised and places:
        said = list(itertools.takewhile(str.strip, said[raised[-1] :]))
    told = re.sub(r"^\s*Exception encountered when calling \S+\(\)\.\s*", "", " ".join(said)).split(
        "Arguments received by"
    )[0]
    text = re.sub(r"\[\[.*?\]\]|\[Op:\w+\]", "", told)
    return shorten(f"{type(error).__name__}: {' '.join(text.split())}", 600)
