"""Where each node of a graph is drawn: side by side in lanes, below each other in rows.

A node's lane stays its own until the last node that uses it, which goes on in that lane. Who uses
it earlier branches off to the right, into the first lane that is free. So a skip keeps its lane
straight, what is skipped lies beside it, and a chain is one lane. Of several lanes that end in a
node the leftmost goes on, and the others close.
"""

from collections.abc import Mapping, Sequence

from pipetrace.trace.records import Record


class Place(Record):
    """Where a node is drawn."""

    name: str  # of the node
    # lane, row: counted from 0 at the left and at the top
    lane: int
    row: int
    off: int | None  # the lane that it branches off from, or None
    closes: tuple[int, ...]  # the lanes at its right that end in it
    # the lanes that are taken when it comes, its own among them if it goes on in one
    before: frozenset[int]


def places(order: Sequence[str], sources: Mapping[str, Sequence[str]]) -> tuple[Place, ...]:
    """A place for each node, in order, each behind all that it receives from.

    No two nodes share a lane and a row, a node lies below all that it receives from, and the lane
    of a node is empty from it down to the row of the lowest node that uses it.
    """
    last = {source: name for name in order for source in sources[name]}
    lanes: dict[str, int] = {}
    rows: dict[str, int] = {}
    reach: dict[str, int] = {}
    taken: dict[int, str] = {}
    free: dict[int, int] = {}
    found = []
    for name in order:
        given = sources[name]
        ended = sorted({lanes[source] for source in given if last[source] == name})
        before = frozenset(taken)
        off = None
        if ended:
            lane = ended[0]
        else:
            off = lanes[given[0]] if given else None
            lane = _first_free(taken, 0 if off is None else off + 1)
        row = max(
            [0 if not given else 1 + max(rows[source] for source in given), free.get(lane, 0)]
        )
        if ended:
            # The lane goes on below everyone whom it still leads to.
            row = max(row, reach.get(taken[lane], 0))
        for source in given:
            reach[source] = max(reach.get(source, 0), row)
        for each in ended[1:]:
            free[each] = reach[taken.pop(each)] + 1
        taken[lane] = name
        if name not in last:
            del taken[lane]
        free[lane] = row + 1
        lanes[name], rows[name] = lane, row
        found.append(Place(name, lane, row, off, tuple(ended[1:]), before))
    return tuple(found)


def _first_free(taken: Mapping[int, str], start: int) -> int:
    lane = start
    while lane in taken:
        lane += 1
    return lane
