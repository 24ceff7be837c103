"""The server from outside: what it shows, whom it refuses, and that it ends at once."""

import http.client
import re
import shutil
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from tests.cli.conftest import Run, is_message, run
from tests.present.live.live_writer import writing
from tests.serve.server import Server, serving

__all__ = ["run"]

ODD = "a b%2F..#ä?.trace"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, digits_file: Path) -> Path:
    """Traces, a broken and a foreign file, links, and a secret beside the folder."""
    root = tmp_path_factory.mktemp("served")
    made = root / "runs"
    (made / "below").mkdir(parents=True)
    (root / "secret.txt").write_text("secret")
    shutil.copy(digits_file, root / "outside.trace")
    for name in ("one.trace", f"below/{ODD}"):
        shutil.copy(digits_file, made / name)
    (made / "cut.trace").write_bytes(digits_file.read_bytes()[:5000])
    (made / "foreign.trace").write_text("Buy milk.")
    (made / "leaves.trace").symlink_to(root / "outside.trace")
    (made / "stays.trace").symlink_to(made / "one.trace")
    (made / "circle.trace").symlink_to(made / "circle.trace")
    (made / "out").symlink_to(root)
    return made


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Server]:
    with serving(folder) as made:
        yield made


def links(table: str) -> list[str]:
    return re.findall(r'href="(/run/[^"]*)"', table)


def test_the_table_lists_the_runs_of_the_folder_and_no_other(server: Server) -> None:
    table = server.ask("/")
    names = [each.removeprefix("/run/") for each in links(table.text)]
    assert sorted(names) == [
        "below/a%20b%252F..%23%C3%A4%3F.trace",
        "cut.trace",
        "foreign.trace",
        "one.trace",
        "stays.trace",
    ]
    assert table.text.count("unreadable</td>") == 2
    for each in links(table.text):
        broken = "cut" in each or "foreign" in each
        answer = server.ask(each)
        assert answer.status == (422 if broken else 200), each
        assert broken or 'data-home="/"' in answer.text
        assert "data-changes" not in answer.text, "a run that has ended does not change"


@pytest.mark.parametrize(
    "path",
    [
        *(
            f"/run/{each}"
            for each in ("leaves.trace", "out/outside.trace", "circle.trace", "", ".")
        ),
        *(f"/run/{each}" for each in ("../secret.txt", "%2e%2e/secret.txt", "..%2fsecret.txt")),
        *(
            f"/run/{each}"
            for each in ("/etc/passwd", "%2Fetc%2Fpasswd", "one.trace%00", "one.trace/")
        ),
        *("/run", "/one.trace", "/changes/run/leaves.trace", "/changes/run/", "/../secret.txt"),
        *(
            f"{place}?run=one.trace&run={each}"
            for place in ("/compare", "/changes/compare")
            for each in ("leaves.trace", "../outside.trace", "%2Fetc%2Fpasswd", "none.trace", "")
        ),
        "/changes/compare?run=one.trace",
    ],
)
def test_nothing_else_can_be_read(server: Server, path: str) -> None:
    answer = server.ask(path)
    assert answer.status in (307, 404)
    assert "secret" not in answer.text


def test_runs_are_compared_by_their_names(server: Server) -> None:
    odd = "below/a%2520b%25252F..%2523%25C3%25A4%253F.trace"
    answer = server.ask(f"/compare?run=one.trace&run={odd}")
    assert answer.status == 200
    assert 'data-home="/"' in answer.text
    assert "data-changes" not in answer.text
    for asked in (
        "",
        "?run=one.trace",
        "?run=one.trace&run=one.trace",
        "?run=one.trace&run=cut.trace",
    ):
        assert server.ask(f"/compare{asked}").status == 422, asked
    assert server.ask(f"/compare?{'&'.join(f'run=x{at}' for at in range(99))}").status == 422
    assert server.ask("/compare?run=one.trace&run=stays.trace", "POST").status == 405
    assert server.ask("/compare", Host="evil.example").status == 421


def test_only_reading_is_possible_and_only_under_the_names_of_this_machine(server: Server) -> None:
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"):
        assert server.ask("/", method).status == 405
    assert server.ask("/", "HEAD").status == server.ask("/changes", "HEAD").status == 200
    for host in ("localhost", "127.0.0.1", "127.0.0.1:1", "[::1]:80", "LOCALHOST:9"):
        assert server.ask("/", Host=host).status == 200, host
    for host in (
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example:80",
        "",
        "evil:localhost",
    ):
        assert server.ask("/", Host=host).status == 421, host


def test_every_answer_keeps_other_pages_out(server: Server) -> None:
    for path in ("/", "/run/one.trace", "/run/none.trace", "/changes/none"):
        headers = server.ask(path).headers
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert (headers["x-content-type-options"], headers["cache-control"]) == (
            "nosniff",
            "no-store",
        )
        assert not any(name.startswith("access-control") for name in headers)
    for path in ("/", "/run/one.trace"):
        text = server.ask(path).text
        (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', text)
        assert "default-src &#x27;none&#x27;" in policy
        assert "connect-src &#x27;self&#x27;" in policy


def test_nothing_is_written_into_the_folder(folder: Path, server: Server) -> None:
    before = {each: each.lstat().st_mtime_ns for each in folder.rglob("*")}
    for path in ("/", "/run/one.trace"):
        server.ask(path)
    assert {each: each.lstat().st_mtime_ns for each in folder.rglob("*")} == before


def test_a_token_is_asked_for_once_and_kept_in_a_cookie(folder: Path) -> None:
    with serving(folder, "--host", "0.0.0.0") as server:
        query = urlsplit(server.address).query
        assert len(query.removeprefix("token=")) > 30
        for path in ("/", "/run/one.trace", "/changes", "/?token=", f"/?{query}x", "/?token=%FF"):
            assert server.ask(path).status == 401, path
        answer = server.ask(f"//evil.example/..?a=1&{query}")
        assert (answer.status, answer.headers["location"]) == (303, "/evil.example/..?a=1")
        asked = "/compare?run=one.trace&run=below%2Fa%2520b"
        assert server.ask(asked).status == 401
        assert server.ask(f"{asked}&{query}").headers["location"] == asked
        answer = server.ask(f"/run/one.trace?{query}")
        assert (answer.status, answer.headers["location"]) == (303, "/run/one.trace")
        cookie = answer.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert server.ask("/", Cookie=cookie.split(";")[0]).status == 200
        assert server.ask("/", Cookie=cookie.split(";")[0] + "x").status == 401
    with serving(folder, "--token", "sixteen-letters!") as server:
        assert server.ask("/").status == 401
        assert server.ask("/?token=sixteen-letters!").status == 303


class Stream:
    """The events of one address, as a browser hears them."""

    def __init__(self, server: Server, path: str) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        self.connection.request("GET", path)
        self.answer = self.connection.getresponse()
        assert self.answer.getheader("content-type", "").startswith("text/event-stream")

    def __enter__(self) -> "Stream":
        return self

    def __exit__(self, *_: object) -> None:
        self.answer.close()
        self.connection.close()

    def next(self) -> str:
        while not (line := self.answer.readline().decode()).startswith("data: "):
            assert line, "the stream has ended"
        return line.removeprefix("data: ").strip()


def test_a_stream_tells_of_each_epoch_of_the_end_and_of_a_kill(tmp_path: Path) -> None:
    folder = tmp_path / "runs"
    folder.mkdir()
    with (
        serving(folder) as server,
        writing(folder / "live.trace") as writer,
        Stream(server, "/changes") as table,
    ):
        first = table.next()
        writer.do("epoch")
        assert table.next() != first
        shutil.copy(folder / "live.trace", folder / "copy.trace")
        compared = "compare?run=live.trace&run=copy.trace"
        with Stream(server, f"/changes/{compared}") as both:
            told = both.next()
            assert f'data-version="{told}"' in server.ask(f"/{compared}").text
            writer.do("epoch")
            assert both.next() != told
            (folder / "copy.trace").unlink()
            assert both.answer.read() is not None, "the stream of runs that are gone ends"
        page = server.ask("/run/live.trace").text
        with Stream(server, "/changes/run/live.trace") as run:
            assert f'data-version="{run.next()}"' in page
            writer.do("epoch")
            newer = run.next()
            assert f'data-version="{newer}"' in server.ask("/run/live.trace").text
            writer.kill()
            assert run.next() not in page
            assert "Killed after 3 of 4" in server.ask("/run/live.trace").text
            (folder / "live.trace").unlink()
            assert run.answer.read() is not None, "the stream of a run that is gone ends"
        assert not links(server.ask("/").text)


def test_ctrl_c_ends_it_at_once_though_somebody_listens(folder: Path) -> None:
    with serving(folder) as server, Stream(server, "/changes") as stream:
        stream.next()
        began = time.monotonic()
        server.process.send_signal(signal.SIGINT)
        out, err = server.process.communicate(timeout=60)
        assert time.monotonic() - began < 30
        assert (server.process.returncode, out, err) == (0, "", "")


def test_what_cannot_be_served_is_one_error(run: Run, folder: Path, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        for options in (
            (folder, "--port", taken.getsockname()[1]),
            (tmp_path / "none",),
            (folder, "--token", "short"),
            (folder, "--host", "no.such.host.invalid", "--port", "0"),
        ):
            ran = run("serve", *options)
            assert ran.code == 2
            assert is_message(ran, "bad-argument")
