"""The models and inference profiles of an AWS account in one region, by boto3; everything blocks."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import boto3  # type: ignore[import-untyped]  # its stubs are another package
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from libs.contracts.errors import RouteUnavailable, UpstreamError
from libs.dialects import failures
from services.worker.upstream.ways_out import WayOut

_CONFIG = Config(connect_timeout=10, read_timeout=30, retries={"total_max_attempts": 2})
_PAGES = 100


def list_models(way: WayOut, environ: Mapping[str, str]) -> list[str]:
    """Models that can be called by their own id, and the profiles that are active."""
    with _meaning():
        client = _client(way, environ)
        models = client.list_foundation_models(byInferenceType="ON_DEMAND").get("modelSummaries", [])
        return sorted({str(model["modelId"]) for model in models} | _profiles(client))


def probe(way: WayOut, environ: Mapping[str, str], model: str) -> None:
    """A profile by its own call; it is not a model, whatever its id looks like."""
    with _meaning():
        client = _client(way, environ)
        try:
            client.get_inference_profile(inferenceProfileIdentifier=model)
        except client.exceptions.ClientError:
            client.get_foundation_model(modelIdentifier=model)


def _profiles(client: Any) -> set[str]:
    found: set[str] = set()
    token = ""
    for _ in range(_PAGES):
        page = client.list_inference_profiles(maxResults=1000, **({"nextToken": token} if token else {}))
        summaries = page.get("inferenceProfileSummaries", [])
        found |= {str(each["inferenceProfileId"]) for each in summaries if each.get("status") == "ACTIVE"}
        token = str(page.get("nextToken") or "")
        if not token:
            return found
    raise UpstreamError("The provider's list of models does not end.")


def _client(way: WayOut, environ: Mapping[str, str]) -> Any:
    """The control plane has an address of its own; the operator's variable for it is AWS's. No key: AWS's own chain."""
    key, secret = environ.get("AWS_ACCESS_KEY_ID"), environ.get("AWS_SECRET_ACCESS_KEY")
    session = boto3.Session(
        aws_access_key_id="AKIDSANDBOX" if way.sandbox else key,
        aws_secret_access_key="sandbox" if way.sandbox else secret,
        aws_session_token=None if way.sandbox else environ.get("AWS_SESSION_TOKEN"),
        profile_name=None if way.sandbox or key else environ.get("AWS_PROFILE"),
        region_name=way.egress.region,
    )
    endpoint = way.base_url if way.sandbox else environ.get("AWS_ENDPOINT_URL_BEDROCK")
    return session.client("bedrock", endpoint_url=endpoint, config=_CONFIG)


@contextmanager
def _meaning() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        told = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)
        raise failures.from_status(int(told), str(error.response.get("Error", {}).get("Message", ""))) from None
    except BotoCoreError as error:
        if "Credential" in type(error).__name__:
            raise RouteUnavailable("There are no AWS credentials for this route.") from None
        raise UpstreamError("The provider could not be reached, or its list could not be read.") from None
    except (KeyError, TypeError):
        raise UpstreamError("The provider's list could not be read.") from None
