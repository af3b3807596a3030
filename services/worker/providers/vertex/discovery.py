"""The publishers' models on Vertex AI in one location, by Google's own clients; everything blocks."""

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import google.auth
import vertexai
from google.api_core.client_options import ClientOptions
from google.api_core.exceptions import GoogleAPICallError, GoogleAPIError
from google.auth.credentials import Credentials
from google.auth.exceptions import GoogleAuthError
from google.auth.transport.requests import AuthorizedSession
from google.cloud.aiplatform_v1beta1 import ListPublisherModelsRequest, ModelGardenServiceClient
from google.oauth2.credentials import Credentials as GivenCredentials
from requests import RequestException
from vertexai.generative_models import GenerativeModel

from libs.contracts.errors import RouteUnavailable, UpstreamError
from libs.dialects import failures
from libs.dialects.anthropic_messages.errors import read_error
from services.worker.providers.vertex.wire import VERSION
from services.worker.upstream.ways_out import WayOut

_TIMEOUT_S = 30.0
_OK = 200
_SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)
_PUBLISHERS = ("google", "anthropic")


def list_models(way: WayOut, environ: Mapping[str, str]) -> list[str]:
    """What the model garden lists, which is not yet what may be called in this location: `probe` finds that out.

    Claude's names carry their version, `claude-x@20250929`, as they are called; Google's are called without.
    """
    with _meaning():
        credentials, _ = _credentials(way, environ)
        options = ClientOptions(api_endpoint=_root(way))
        client = ModelGardenServiceClient(credentials=credentials, client_options=options, transport="rest")
        found: set[str] = set()
        for publisher in _PUBLISHERS:
            request = ListPublisherModelsRequest(parent=f"publishers/{publisher}", list_all_versions=True)
            for model in client.list_publisher_models(request, timeout=_TIMEOUT_S):
                name, version = model.name.rpartition("/")[2], model.version_id
                dated = publisher == "anthropic" and version and "@" not in name
                found.add(f"{name}@{version}" if dated else name)
        return sorted(found)


def probe(way: WayOut, environ: Mapping[str, str], model: str) -> None:
    """Has the model count the tokens of one word, in this location."""
    with _meaning():
        credentials, project = _credentials(way, environ)
        if model.startswith("claude"):
            _probe_claude(way, credentials, project, model)
            return
        vertexai.init(
            project=project,
            location=way.egress.region,
            credentials=credentials,
            api_endpoint=_root(way),
            api_transport="rest",
        )
        with warnings.catch_warnings():  # the module is announced to leave the package one day
            warnings.simplefilter("ignore")
            GenerativeModel(model).count_tokens("ping")


def _probe_claude(way: WayOut, credentials: Credentials, project: str, model: str) -> None:
    place = f"{_root(way)}/v1/projects/{project}/locations/{way.egress.region}"
    asked: dict[str, Any] = {
        "anthropic_version": VERSION,
        "model": model,
        "messages": [{"role": "user", "content": "ping"}],
    }
    with AuthorizedSession(credentials) as session:  # type: ignore[no-untyped-call]
        response = session.post(
            f"{place}/publishers/anthropic/models/count-tokens:rawPredict",
            json=asked,
            timeout=_TIMEOUT_S,
            allow_redirects=False,
        )
    if response.status_code != _OK:
        raise read_error(response.status_code, dict(response.headers), response.content)


def _credentials(way: WayOut, environ: Mapping[str, str]) -> tuple[Credentials, str]:
    """The same as the requests': a file where one is named, else google-auth's own chain; and the project."""
    if way.sandbox:
        return GivenCredentials(token="sandbox"), "sandbox"  # type: ignore[no-untyped-call]  # noqa: S106 - no secret
    file = environ.get("GOOGLE_APPLICATION_CREDENTIALS")
    if file:
        credentials, project = google.auth.load_credentials_from_file(file, scopes=_SCOPES)  # type: ignore[no-untyped-call]
    else:
        credentials, project = google.auth.default(scopes=_SCOPES)
    named = environ.get("GOOGLE_CLOUD_PROJECT") or project
    if not named:
        raise RouteUnavailable("This route has no Google Cloud project: the operator has to set GOOGLE_CLOUD_PROJECT.")
    return credentials, str(named)


def _root(way: WayOut) -> str:
    return way.base_url.removesuffix("/v1")


@contextmanager
def _meaning() -> Iterator[None]:
    try:
        yield
    except GoogleAPICallError as error:
        raise failures.from_status(int(error.code or 500), str(error.message)) from None
    except GoogleAuthError:
        raise RouteUnavailable("The Google Cloud credentials of this route cannot be used.") from None
    except (GoogleAPIError, RequestException, OSError, ValueError):
        raise UpstreamError("The provider could not be reached, or its list could not be read.") from None
