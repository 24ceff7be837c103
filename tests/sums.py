"""The sums in a sentence, such as ``(28 - 3) / 2 rounded down + 1 = 13``: found and worked out."""

import math
import re
from collections.abc import Iterator
from fractions import Fraction

NUMBER = r"\d{1,3}(?:,\d{3})+|\d+"
TOKEN = re.compile(rf"{NUMBER}|rounded (?:up|down)|[()x+/-]")
SUM = re.compile(rf"((?:{NUMBER}|\()(?:{NUMBER}|rounded (?:up|down)|[()x+/ -])*) = ({NUMBER})")


def sums(text: str | None) -> Iterator[tuple[float, int]]:
    """What the left side of each sum in a text comes to, and what its right side says."""
    for left, right in SUM.findall(text or ""):
        tokens = TOKEN.findall(left)
        assert "".join(tokens).replace(" ", "") == left.replace(" ", ""), left
        value = _sum(tokens)
        assert not tokens, left
        yield float(value), int(right.replace(",", ""))


def came_out(text: str | None) -> list[int]:
    """The results of a text's sums, each checked."""
    found = []
    for left, right in sums(text):
        assert left == right, text
        found.append(right)
    return found


def results(text: str | None) -> str:
    """A text with the result of each sum in the place of the sum."""
    return SUM.sub(lambda found: found[2].replace(",", ""), text or "")


def positions(text: str | None, dims: int) -> tuple[int, ...]:
    """How many positions a sentence says that there are in each direction."""
    plain, noun = results(text), r"(?:position|block|step)s?"
    if told := re.search(rf"(\d+) {noun} in each direction", plain):
        return (int(told[1]),) * dims
    if told := re.search(r"so ([\d x]+?) positions stay \1\.", plain):
        return tuple(int(each) for each in told[1].split(" x "))
    along = (
        rf"(\d+) {noun}",
        rf"(\d+) {noun} down and (\d+) across",
        rf"(\d+) {noun} in depth, (\d+) down and (\d+) across",
    )
    told = re.search(along[dims - 1], plain)
    assert told, text
    return tuple(int(each) for each in told.groups())


def _sum(tokens: list[str]) -> Fraction:
    value = _product(tokens)
    while tokens and tokens[0] in "+-":
        sign = tokens.pop(0)
        other = _product(tokens)
        value = value + other if sign == "+" else value - other
    return value


def _product(tokens: list[str]) -> Fraction:
    value = _factor(tokens)
    while tokens and (tokens[0] in "x/" or tokens[0].startswith("rounded")):
        sign = tokens.pop(0)
        if sign == "rounded down":
            value = Fraction(math.floor(value))
        elif sign == "rounded up":
            value = Fraction(math.ceil(value))
        else:
            other = _factor(tokens)
            value = value * other if sign == "x" else value / other
    return value


def _factor(tokens: list[str]) -> Fraction:
    token = tokens.pop(0)
    if token != "(":
        return Fraction(token.replace(",", ""))
    value = _sum(tokens)
    assert tokens.pop(0) == ")"
    return value
