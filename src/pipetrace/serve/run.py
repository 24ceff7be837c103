"""Running the server until Ctrl-C."""

import ipaddress
import os
import secrets
import socket
from collections.abc import Callable
from pathlib import Path

import uvicorn

from pipetrace.errors import ArgumentError
from pipetrace.serve.app import application
from pipetrace.serve.folder import Folder
from pipetrace.serve.guard import Guard

SHORTEST_TOKEN = 16


def serve(root: Path, host: str, port: int, token: str | None, said: Callable[[str], None]) -> None:
    """Serve the runs of a folder until interrupted, or raise an ``ArgumentError`` where that cannot
    be.

    Port 0 takes a free one. Without a token one is made where the host is not loopback. ``said`` is
    told the address once the server listens.
    """
    if not root.is_dir():
        raise ArgumentError(
            f"{root} is no folder.", where="FOLDER", hint="Give the folder that holds the traces."
        )
    if token is not None and len(token) < SHORTEST_TOKEN:
        raise ArgumentError(
            f"The token has {len(token)} characters.",
            where="--token",
            hint=f"Give at least {SHORTEST_TOKEN}, or leave it out: a token is made then.",
        )
    with _listening(host, port) as listener:
        at = listener.getsockname()
        loopback = ipaddress.ip_address(at[0].partition("%")[0]).is_loopback
        if token is None and not loopback:
            token = secrets.token_urlsafe(32)
        name = f"[{at[0]}]" if ":" in at[0] else at[0]
        said(f"http://{name}:{at[1]}/{f'?token={token}' if token else ''}")
        guard = Guard(application(Folder(root)), loopback_only=loopback, token=token)
        config = uvicorn.Config(
            guard,
            log_level="critical",
            access_log=False,
            lifespan="off",
            ws="none",
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=0,  # streams have no end of their own
        )
        uvicorn.Server(config).run(sockets=[listener])


def _listening(host: str, port: int) -> socket.socket:
    try:
        family, kind, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        made = socket.socket(family, kind)
        try:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, os.name == "posix")
            made.bind(address)
            made.listen(128)
        except BaseException:
            made.close()
            raise
    except (OSError, UnicodeError) as error:
        problem = getattr(error, "strerror", None) or str(error)
        raise ArgumentError(
            f"Nothing can listen on {host}, port {port}: {problem}.",
            where="--host, --port",
            hint="Use --port 0 to take a free port.",
        ) from error
    return made
