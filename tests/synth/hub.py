"""A hub on 127.0.0.1: as much of the Hugging Face hub as fetching a model needs, with faults on demand."""

from __future__ import annotations

import contextlib
import hashlib
import json
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

NAME = "owner/tiny"
COMMIT = "c" * 40


@dataclass
class LittleHub:
    """What it serves, what it heard, and what it does wrong."""

    files: dict[str, bytes]
    endpoint: str = ""
    heard: list[tuple[str, str | None]] = field(default_factory=list)  # (path, Range) of each GET for a file
    asked: int = 0  # for the list of files
    cut_after: dict[str, int] = field(default_factory=dict)  # path -> bytes of the next answer; then it works
    flips: dict[str, int] = field(default_factory=dict)  # path -> how many answers have a wrong byte
    status: dict[str, int] = field(default_factory=dict)  # path -> answer with this instead
    ignores_ranges: bool = False
    claims: dict[str, int] = field(default_factory=dict)  # path -> a size that is not true

    def fetched(self) -> list[str]:
        return [path for path, _ in self.heard]

    def listing(self) -> dict[str, object]:
        """As the hub tells it: weights and arrays by their SHA-256, the rest by git's hash."""
        siblings = []
        for path, data in self.files.items():
            git = hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()
            entry: dict[str, object] = {"rfilename": path, "size": len(data), "blobId": git}
            entry["size"] = self.claims.get(path, len(data))
            if path.endswith((".safetensors", ".bin", ".npy", ".pt")):
                entry["lfs"] = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 130}
            siblings.append(entry)
        return {"id": NAME, "modelId": NAME, "sha": COMMIT, "siblings": siblings, "tags": [], "private": False}


@contextlib.contextmanager
def serving(files: Mapping[str, bytes]) -> Iterator[LittleHub]:
    """A hub that runs until the end of the block."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.hub = hub = LittleHub(files=dict(files), endpoint=f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, name="little hub")
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    hub: LittleHub


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None: ...

    @property
    def hub(self) -> LittleHub:
        assert isinstance(self.server, _Server)
        return self.server.hub

    def do_GET(self) -> None:
        path = self.path.split("?")[0]
        if path == f"/api/models/{NAME}":
            self.hub.asked += 1
            self.answer(200, json.dumps(self.hub.listing()).encode())
        elif path.startswith(f"/{NAME}/resolve/{COMMIT}/"):  # the real one redirects to its storage, too
            self.send_response(302)
            self.send_header("Location", path.replace(f"/{NAME}/resolve/{COMMIT}/", "/storage/"))
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif path.startswith("/storage/") and path.removeprefix("/storage/") in self.hub.files:
            self.file(path.removeprefix("/storage/"))
        else:
            self.missing(path)

    def missing(self, path: str) -> None:
        code = "RepoNotFound" if path.startswith("/api/") else "EntryNotFound"
        self.send_response(404)
        self.send_header("X-Error-Code", code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def file(self, path: str) -> None:
        hub = self.hub
        hub.heard.append((path, self.headers.get("Range")))
        if path in hub.status:
            self.answer(hub.status[path], b"")
            return
        data = bytearray(hub.files[path])
        if hub.flips.get(path, 0) > 0:
            hub.flips[path] -= 1
            data[len(data) // 2] ^= 1
        start = int((self.headers.get("Range") or "bytes=0-").removeprefix("bytes=").rstrip("-"))
        start = 0 if hub.ignores_ranges else start
        body = bytes(data[start:])
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        cut = hub.cut_after.pop(path, None)
        self.wfile.write(body if cut is None else body[:cut])
        self.close_connection = cut is not None

    def answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
