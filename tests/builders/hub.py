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
        return [asked for method, path, asked in self.asked if method == "GET" and "safetensors" in path]


class Answer(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_arguments):
        pass

    def do_HEAD(self):
        self.answer(b"")

    def do_GET(self):
        self.answer(None)

    def answer(self, body):
        hub = self.server
        hub.asked.append((self.command, self.path, self.headers["Range"]))
        hub.headers.append(dict(self.headers))
        *repository, revision, name = self.path.strip("/").split("/")
        if hub.status:
            return self.refuse(hub.status)
        if repository != ["owner", "name", "resolve"]:
            return self.refuse(404, "RepoNotFound")
        if revision not in ("main", hub.commit):
            return self.refuse(404, "RevisionNotFound")
        if name not in hub.files:
            return self.refuse(404, "EntryNotFound")
        content = hub.files[name]
        large = name.endswith(".safetensors")
        start = int(self.headers["Range"][6:].rstrip("-")) if self.headers["Range"] else 0
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.send_header("X-Repo-Commit", hub.commit)
        self.send_header("ETag", f'"{git_blob(content)}"')
        if large:
            self.send_header("X-Linked-Size", str(len(content)))
            self.send_header("X-Linked-ETag", f'"{hashlib.sha256(content).hexdigest()}"')
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        if body is None:
            sent = content[start:]
            if large and hub.break_after:
                sent = sent[: hub.break_after.pop(0)]
            self.wfile.write(sent)
            if len(sent) < len(content) - start:
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
        return None

    def refuse(self, status, code=""):
        self.send_response(status)
        if code:
            self.send_header("X-Error-Code", code)
        self.send_header("Content-Length", "0")
        self.end_headers()
