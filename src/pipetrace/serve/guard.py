"""Who may ask, and for what: loopback names or a token, and reading only."""

import hashlib
import secrets
from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})
"""The names of this machine for itself; any port, since ``ssh -L`` changes it."""
METHODS = ("GET", "HEAD")
HEADERS = {
    "Content-Security-Policy": "frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Guard:
    """Lets through what may be asked of an app, and adds the headers that keep others out.

    Args:
        app: what answers.
        loopback_only: whether the address has to name this machine. A page of a stranger, whose own
            name leads here (DNS rebinding), names another.
        token: has to be given once, in the address; None where none is needed.
    """

    def __init__(self, app: ASGIApp, *, loopback_only: bool, token: str | None) -> None:
        self.app, self.loopback_only, self.token = app, loopback_only, token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            return  # uvicorn offers neither websockets nor a lifespan

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
            await send(message)

        refused = self._refused(scope)
        await (refused or self.app)(scope, receive, guarded)

    def _refused(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        if scope["method"] not in METHODS:
            allow = {"Allow": ", ".join(METHODS)}
            return PlainTextResponse("Only reading is possible here.\n", 405, allow)
        if self.loopback_only and _host(headers.get("host", "")) not in LOOPBACK:
            return PlainTextResponse("Ask for localhost or 127.0.0.1.\n", 421)
        return None if self.token is None else _without_token(self.token, scope, headers)


def _without_token(token: str, scope: Scope, headers: Headers) -> Response | None:
    """Take the token out of the address into a cookie, or refuse."""
    # Servers of one host have cookies of their own.
    cookie = f"pipetrace-{hashlib.sha256(token.encode()).hexdigest()[:8]}"
    query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    given = [value for name, value in query if name == "token"]
    if given and _same(given[-1], token):
        rest = urlencode([pair for pair in query if pair[0] != "token"])
        # A path that begins with two slashes would lead to another machine.
        path = "/" + scope["raw_path"].decode("latin-1").lstrip("/")
        answer = RedirectResponse(f"{path}{'?' * bool(rest)}{rest}", 303)
        answer.set_cookie(cookie, token, httponly=True, samesite="lax")
        return answer
    cookies = cookie_parser(headers.get("cookie", ""))
    if not given and _same(cookies.get(cookie, ""), token):
        return None
    return PlainTextResponse("Open the address that pipetrace serve printed.\n", 401)


def _host(header: str) -> str:
    """The name in a Host header, without its port."""
    name, colon, port = header.rpartition(":")
    return (name if colon and port.isdigit() else header).lower()


def _same(given: str, token: str) -> bool:
    return secrets.compare_digest(given.encode(), token.encode())
