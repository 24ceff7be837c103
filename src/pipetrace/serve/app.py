"""What the server answers: the table, the page of a run, and a stream that tells of changes."""

import asyncio
import os
from collections.abc import AsyncIterator
from urllib.parse import unquote_to_bytes

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from pipetrace.errors import PipetraceError
from pipetrace.serve.folder import CHANGES, POLL_SECONDS, RUN, Folder

RETRY_MS = 1000
"""Milliseconds after which a browser asks again when the server was gone."""
ALIVE_SECONDS = 15.0
"""Seconds after which a stream says that it is there."""


def application(folder: Folder) -> Starlette:
    """The server's answers, for a guard to stand before."""

    async def table(_: Request) -> Response:
        return HTMLResponse(await run_in_threadpool(folder.table))

    async def run(request: Request) -> Response:
        try:
            name = _name(request, RUN)
            text = await run_in_threadpool(folder.page, name) if name else None
        except FileNotFoundError:
            text = None
        except PipetraceError as error:
            return PlainTextResponse(f"{error.what}\n{error.hint}\n", 422)
        return _missing() if text is None else HTMLResponse(text)

    async def changes(request: Request) -> Response:
        of_all = request.url.path == CHANGES
        name = "" if of_all else _name(request, f"{CHANGES}{RUN}")
        if not (name or of_all) or await run_in_threadpool(folder.version, name) is None:
            return _missing()
        if request.method == "HEAD":
            return Response(media_type="text/event-stream")
        return StreamingResponse(_stream(folder, name), media_type="text/event-stream")

    return Starlette(
        routes=[
            Route("/", table),
            Route(f"{RUN}{{name:path}}", run),
            Route(CHANGES, changes),
            Route(f"{CHANGES}{RUN}{{name:path}}", changes),
        ]
    )


def _name(request: Request, prefix: str) -> str:
    """The name of a run in an address, as the file system has it: no path is made of it."""
    raw: bytes = request.scope["raw_path"]
    return os.fsdecode(unquote_to_bytes(raw)[len(prefix) :])


def _missing() -> Response:
    return PlainTextResponse("There is no such run.\n", 404)


async def _stream(folder: Folder, name: str) -> AsyncIterator[str]:
    """Server-sent events: the state now, and each further one."""
    yield f"retry: {RETRY_MS}\n\n"
    told, quiet = "", 0.0
    while (version := await run_in_threadpool(folder.version, name)) is not None:
        if version != told:
            told, quiet = version, 0.0
            yield f"event: state\ndata: {version}\n\n"
        elif quiet > ALIVE_SECONDS:
            quiet = 0.0
            yield ": still here\n\n"
        quiet += POLL_SECONDS
        await asyncio.sleep(POLL_SECONDS)
