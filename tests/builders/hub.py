"""A small server that answers as the Hugging Face hub does, with one tiny model, broken as a test wants it."""

from __future__ import annotations

import hashlib
import http.server
import socket
import threading

COMMIT = "c0ffee" * 6 + "c0ff"
WEIGHTS = bytes(range(256)) * 400
CONFIG = b'{"hidden_size": 32}'


def git_blob(content):
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


class Hub(http.server.ThreadingHTTPServer):
    """What the hub answers to HEAD and GET of /owner/name/resolve/revision/file."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Answer)
        self.files = {"config.json": CONFIG, "model.safetensors": WEIGHTS}
        self.asked = []  # (method, path, Range)
        self.break_after = []  # how many bytes to send before the connection breaks, per GET
        self.status = None
        self.headers = []
        self.commit = COMMIT
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    @property
    def address(self):
        return f"http://127.0.0.1:{self.server_port}"

    def ranges(self):
        """From where on the weights were asked for, in order: what GET got as Range."""
        return [asked for method, path, asked in self.asked if method == "GET" and path.startswith("/cdn/")]


class Answer(http.server.BaseHTTPRequestHandler):
    """Small files come from the hub itself; for large ones it names a place on another server."""

    def log_message(self, *_arguments):
        pass

    def do_HEAD(self):
        self.answer(False)

    def do_GET(self):
        self.answer(True)

    def answer(self, wanted):
        hub = self.server
        hub.asked.append((self.command, self.path, self.headers["Range"]))
        hub.headers.append(dict(self.headers))
        *folders, revision, name = self.path.strip("/").split("/")
        if hub.status:
            return self.refuse(hub.status)
        if (folders, revision) == ([], "cdn"):
            return self.send(hub.files[name], wanted, hub.break_after)
        if folders != ["owner", "name", "resolve"]:
            return self.refuse(404, "RepoNotFound")
        if revision not in ("main", hub.commit):
            return self.refuse(404, "RevisionNotFound")
        if name not in hub.files:
            return self.refuse(404, "EntryNotFound")
        content = hub.files[name]
        if not name.endswith(".safetensors"):
            return self.send(
                content, wanted, [], {"X-Repo-Commit": hub.commit, "ETag": f'"{git_blob(content)}"'}
            )
        self.send_response(302)
        self.send_header("X-Repo-Commit", hub.commit)
        self.send_header("X-Linked-Size", str(len(content)))
        self.send_header("X-Linked-ETag", f'"{hashlib.sha256(content).hexdigest()}"')
        self.send_header("Location", f"http://localhost:{hub.server_port}/cdn/{name}")
        self.send_header("Content-Length", "0")
        return self.end_headers()

    def send(self, content, wanted, break_after, headers=None):
        start = int(self.headers["Range"][6:].rstrip("-")) if self.headers["Range"] else 0
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        if not wanted:
            return
        sent = content[start:]
        if break_after:
            sent = sent[: break_after.pop(0)]
        self.wfile.write(sent)
        if len(sent) < len(content) - start:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)

    def refuse(self, status, code=""):
        self.send_response(status)
        if code:
            self.send_header("X-Error-Code", code)
        self.send_header("Content-Length", "0")
        self.end_headers()
