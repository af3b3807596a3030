"""The providers' list APIs on loopback, as each of them answers: what an account may call, page by page."""

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

OPENAI = ("gpt-4.1", "gpt-4.1-mini", "gpt-5-nano", "text-embedding-3-large")
ANTHROPIC = ("claude-haiku-4-5-20251001", "claude-sonnet-5", "claude-opus-4-8")
BEDROCK = ("mistral.mistral-large-2402-v1:0", "amazon.nova-lite-v1:0", "amazon.titan-embed-text-v2:0")
PROFILES = ("global.anthropic.claude-opus-4-8", "us.anthropic.claude-sonnet-4-6")
VERTEX = ("google/gemini-2.5-pro", "google/gemini-3-flash", "google/imagen-4", "anthropic/claude-opus-4-8")


@dataclass(kw_only=True)
class Lists:
    """What the server answers: a status other than 200 for a path that begins so, and what it was asked."""

    url: str = ""
    failing: dict[str, int] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)

    def answer(self, path: str, query: dict[str, list[str]]) -> tuple[int, object]:
        self.asked.append(path)
        for start, status in self.failing.items():
            if path.startswith(start):
                return status, {"error": {"message": "no", "type": "x"}, "message": "no"}
        match path:
            case "/openai/v1/models":
                return 200, {"object": "list", "data": [_openai(name) for name in OPENAI]}
            case "/anthropic/v1/models":
                return 200, _anthropic(
                    ANTHROPIC[1:] if "after_id" in query else ANTHROPIC[:1], more="after_id" not in query
                )
            case "/foundation-models":
                return 200, {"modelSummaries": [{"modelArn": f"arn:{name}", "modelId": name} for name in BEDROCK]}
            case "/inference-profiles":
                return 200, {"inferenceProfileSummaries": [_profile(name) for name in PROFILES]}
            case "/token":
                return 200, {"access_token": "sample", "expires_in": 3600, "token_type": "Bearer"}
        return self._vertex(path)

    def _vertex(self, path: str) -> tuple[int, object]:
        if path.startswith("/v1beta1/publishers/"):
            publisher = path.split("/")[3]
            names = [name for name in VERTEX if name.startswith(publisher)]
            return 200, {"publisherModels": [_model(name) for name in names]}
        if path.endswith(":countTokens") and "gemini-3" not in path:
            return 200, {"totalTokens": 1}
        if path.endswith("count-tokens:rawPredict") and "/locations/us/" in path:
            return 200, {"input_tokens": 1}
        return 404, {"error": {"code": 404, "message": "not in this location", "status": "NOT_FOUND"}}


def _openai(name: str) -> dict[str, object]:
    return {"id": name, "object": "model", "created": 1, "owned_by": "x"}


def _anthropic(names: Sequence[str], *, more: bool) -> dict[str, object]:
    data = [{"type": "model", "id": name, "display_name": name, "created_at": "2026-01-01T00:00:00Z"} for name in names]
    return {"data": data, "has_more": more, "first_id": names[0], "last_id": names[-1]}


def _profile(name: str) -> dict[str, object]:
    return {
        "inferenceProfileName": name, "models": [], "inferenceProfileArn": f"arn:{name}",
        "inferenceProfileId": name, "status": "ACTIVE", "type": "SYSTEM_DEFINED",
    }  # fmt: skip


def _model(name: str) -> dict[str, object]:
    publisher, _, model = name.partition("/")
    return {"name": f"publishers/{publisher}/models/{model}", "versionId": "default"}


@contextmanager
def serving() -> Iterator[Lists]:
    """The server on a port of its own."""
    lists = Lists()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            self.rfile.read(int(self.headers.get("content-length", 0)))
            if parts.path in lists.files:
                self._send(200, lists.files[parts.path])
                return
            status, body = lists.answer(parts.path, parse_qs(parts.query))
            self._send(status, json.dumps(body).encode())

        def do_POST(self) -> None:
            self.do_GET()

        def _send(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    lists.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield lists
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def service_account(folder: Path, url: str) -> Path:
    """A key file as Google gives it, its tokens made by this server."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    account = {
        "type": "service_account", "project_id": "sample", "private_key_id": "k", "private_key": pem,
        "client_email": "sample@sample.iam.gserviceaccount.com", "client_id": "1", "token_uri": f"{url}/token",
    }  # fmt: skip
    file = folder / "account.json"
    file.write_text(json.dumps(account))
    return file
