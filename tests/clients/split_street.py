"""A street whose providers' answers arrive in crumbs: all wires, each behind the proxy that splits."""

import json
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.clients.upstream import sandbox
from tests.support.splitting import splitting
from tests.support.street import Street


class _Tokens(BaseHTTPRequestHandler):
    """Gives whoever asks a token of Google's."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        body = json.dumps({"access_token": "ya29.unused", "expires_in": 3600, "token_type": "Bearer"}).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing on the console."""


@contextmanager
def _google_account(folder: Path) -> Iterator[str]:
    """The file of a service account whose tokens come from here."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Tokens) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        account = {
            "type": "service_account",
            "project_id": "maple",
            "private_key_id": "1",
            "private_key": key.decode(),
            "client_email": "a@maple.iam.gserviceaccount.com",
            "token_uri": f"http://127.0.0.1:{server.server_address[1]}/token",
        }
        file = folder / "account.json"
        file.write_text(json.dumps(account))
        yield str(file)
        server.shutdown()


@asynccontextmanager
async def split_street(folder: Path) -> AsyncIterator[Street]:
    """One process more than others: a sandbox of its own behind the proxy."""
    async with sandbox() as origin:
        with splitting(origin) as split, _google_account(folder) as account:
            street = Street(
                folder / "state",
                OPENAI_API_KEY="unused",
                OPENAI_BASE_URL=f"{split}/openai/v1",
                AZURE_OPENAI_API_KEY="unused",
                AZURE_OPENAI_ENDPOINT=f"{split}/azure/openai/v1",
                ANTHROPIC_API_KEY="unused",
                ANTHROPIC_BASE_URL=f"{split}/anthropic",
                AWS_ACCESS_KEY_ID="AKIDUNUSED",
                AWS_SECRET_ACCESS_KEY="unused",
                AWS_ENDPOINT_URL_BEDROCK_RUNTIME=f"{split}/bedrock/ca-central-1",
                GOOGLE_APPLICATION_CREDENTIALS=account,
                GOOGLE_VERTEX_BASE_URL=f"{split}/vertex/northamerica-northeast1",
            )
            async with street:
                yield street
