"""What the server answers: the table, the page of a run, the comparison of several, and a stream
that tells of changes."""

import asyncio
import os
from collections.abc import AsyncIterator
from urllib.parse import unquote_to_bytes

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from pipetrace.errors import ArgumentError, PipetraceError
from pipetrace.serve.folder import (
    CHANGES,
    COMPARE,
    MOST_COMPARED,
    POLL_SECONDS,
    RUN,
    Folder,
    Names,
)

RETRY_MS = 1000
"""Milliseconds after which a browser asks again when the server was gone."""
ALIVE_SECONDS = 15.0
"""Seconds after which a stream says that it is there."""


def application(folder: Folder) -> Starlette:
    """The server's answers, for a guard to stand before."""

    async def page(request: Request) -> Response:
        try:
            names = _names(request, "")
            text = await run_in_threadpool(folder.page, names)
        except FileNotFoundError:
            text = None
        except PipetraceError as error:
            return PlainTextResponse(f"{error.what}\n{error.hint}\n", 422)
        return _missing() if text is None else HTMLResponse(text)

    async def changes(request: Request) -> Response:
        try:
            names = _names(request, CHANGES)
        except (FileNotFoundError, ArgumentError):
            return _missing()
        if await run_in_threadpool(folder.version, names) is None:
            return _missing()
        if request.method == "HEAD":
            return Response(media_type="text/event-stream")
        return StreamingResponse(_stream(folder, names), media_type="text/event-stream")

    places = ("", f"{RUN}{{name:path}}", COMPARE)
    return Starlette(
        routes=[
            *(Route(place or "/", page) for place in places),
            *(Route(CHANGES + place, changes) for place in places),
        ]
    )


def _names(request: Request, prefix: str) -> Names:
    """The names of the runs that an address asks for, as the file system has them: no path is made
    of them.

    Raises:
        FileNotFoundError: a run without a name.
        ArgumentError: too few or too many to compare.
    """
    raw: bytes = request.scope["raw_path"]
    place = raw[len(prefix) :]
    if place.startswith(RUN.encode()):
        found = [os.fsdecode(unquote_to_bytes(place)[len(RUN) :])]
    elif place == COMPARE.encode():
        asked = dict.fromkeys(request.query_params.getlist("run"))
        if not 2 <= len(asked) <= MOST_COMPARED:
            raise ArgumentError(
                f"A comparison has 2 to {MOST_COMPARED} runs, received {len(asked)}.",
                where=COMPARE,
                hint="Choose runs in the table.",
            )
        found = [os.fsdecode(unquote_to_bytes(name)) for name in asked]
    else:
        return ()
    if not all(found):
        raise FileNotFoundError(place)
    return tuple(found)


def _missing() -> Response:
    return PlainTextResponse("There is no such run.\n", 404)


async def _stream(folder: Folder, names: Names) -> AsyncIterator[str]:
    """Server-sent events: the state now, and each further one."""
    yield f"retry: {RETRY_MS}\n\n"
    told, quiet = "", 0.0
    while (version := await run_in_threadpool(folder.version, names)) is not None:
        if version != told:
            told, quiet = version, 0.0
            yield f"event: state\ndata: {version}\n\n"
        elif quiet > ALIVE_SECONDS:
            quiet = 0.0
            yield ": still here\n\n"
        quiet += POLL_SECONDS
        await asyncio.sleep(POLL_SECONDS)
