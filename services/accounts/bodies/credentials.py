"""Providers' credentials as an account may give them: never an address, only what fills the catalogue's own."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final

from pydantic import AfterValidator, ConfigDict, ValidationInfo, model_validator

from libs.catalog.model import Catalog, Wire
from libs.contracts.errors import NotFound
from services.accounts.bodies.keys import CATALOG
from services.accounts.bodies.reading import Body, read, refuse

_SECRET: Final = re.compile(r"[!-~]{16,4096}", re.ASCII)
_ACCESS_KEY_ID: Final = re.compile(r"[A-Z0-9]{16,128}", re.ASCII)
_RESOURCE: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?", re.ASCII)
_PROJECT: Final = re.compile(r"[a-z](?:[a-z0-9-]{4,28})[a-z0-9]", re.ASCII)
_SERVICE_ACCOUNT: Final = re.compile(r"[a-z0-9-]{1,64}@[a-z0-9.-]{1,190}\.gserviceaccount\.com", re.ASCII)
_PEM: Final = re.compile(r"-----BEGIN PRIVATE KEY-----[A-Za-z0-9+/=\s]{64,8000}-----END PRIVATE KEY-----\s*", re.ASCII)


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class Credential:
    """What is sealed, what is not secret, and what lists show of it."""

    secret: Mapping[str, str]
    slots: Mapping[str, str]
    last4: str


def _matching(pattern: re.Pattern[str], sentence: str) -> AfterValidator:
    def check(value: str) -> str:
        if not pattern.fullmatch(value):
            raise refuse(sentence)
        return value

    return AfterValidator(check)


def _region(wire: Wire) -> AfterValidator:
    def check(value: str, info: ValidationInfo) -> str:
        catalog: Catalog = (info.context or {})[CATALOG]
        regions = sorted({egress.region for egress in catalog.egresses.values() if egress.wire is wire})
        if value not in regions:
            raise refuse(f"must be one of {', '.join(regions)}")
        return value

    return AfterValidator(check)


Secret = Annotated[str, _matching(_SECRET, "must be the provider's key: 16 to 4096 characters without spaces")]


class _Form(Body):
    def credential(self) -> Credential:
        raise NotImplementedError


class ApiKeyForm(_Form):
    """OpenAI and Anthropic."""

    api_key: Secret

    def credential(self) -> Credential:
        return Credential(secret={"api_key": self.api_key}, slots={}, last4=self.api_key[-4:])


class AzureForm(_Form):
    """A key of one Azure OpenAI resource, by the resource's name."""

    api_key: Secret
    resource: Annotated[str, _matching(_RESOURCE, "must be the resource's name, without a domain")]

    def credential(self) -> Credential:
        return Credential(secret={"api_key": self.api_key}, slots={"resource": self.resource}, last4=self.api_key[-4:])


class BedrockForm(_Form):
    """A Bedrock API key, or an access key that signs."""

    region: Annotated[str, _region(Wire.BEDROCK)]
    api_key: Secret | None = None
    access_key_id: Annotated[str, _matching(_ACCESS_KEY_ID, "must be an AWS access key id")] | None = None
    secret_access_key: Secret | None = None
    session_token: Secret | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> "BedrockForm":
        signing = self.access_key_id is not None and self.secret_access_key is not None
        half = any((self.access_key_id, self.secret_access_key, self.session_token))
        if (self.api_key is not None) == signing or (self.api_key is not None and half):
            raise refuse("send either `api_key`, or `access_key_id` with `secret_access_key`")
        return self

    def credential(self) -> Credential:
        names = ("api_key", "access_key_id", "secret_access_key", "session_token")
        secret = {name: value for name in names if (value := getattr(self, name)) is not None}
        return Credential(
            secret=secret, slots={"region": self.region}, last4=(self.api_key or self.access_key_id or "")[-4:]
        )


class ServiceAccount(Body):
    """A service account's key file. Only what signs is kept: the addresses in it are Google's own, not the file's."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore", hide_input_in_errors=True)

    project_id: Annotated[str, _matching(_PROJECT, "must be a project's id")]
    private_key_id: Annotated[str, _matching(re.compile(r"[0-9a-f]{8,64}"), "must be the id of the key")]
    private_key: Annotated[str, _matching(_PEM, "must be the PEM of the key file")]
    client_email: Annotated[str, _matching(_SERVICE_ACCOUNT, "must be the service account's address")]


class VertexForm(_Form):
    """A Google Cloud service account; the project is its own unless another is named."""

    region: Annotated[str, _region(Wire.VERTEX)]
    service_account: ServiceAccount
    project: Annotated[str, _matching(_PROJECT, "must be a project's id")] | None = None

    def credential(self) -> Credential:
        account = self.service_account
        return Credential(
            secret={name: getattr(account, name) for name in ServiceAccount.model_fields},
            slots={"region": self.region, "project": self.project or account.project_id},
            last4=account.private_key_id[-4:],
        )


FORMS: Final[Mapping[str, type[_Form]]] = {
    "openai": ApiKeyForm,
    "anthropic": ApiKeyForm,
    "azure": AzureForm,
    "bedrock": BedrockForm,
    "vertex": VertexForm,
}


def check_provider(provider: str) -> None:
    """Raises NotFound where no such provider takes a credential."""
    if provider not in FORMS:
        raise NotFound(f"There is no such provider; credentials can be kept for {', '.join(FORMS)}.")


def read_credential(provider: str, raw: bytes, context: dict[str, Any]) -> Credential:
    """Raises NotFound for a provider that is none, InvalidRequest naming the member."""
    check_provider(provider)
    return read(FORMS[provider], raw, context).credential()
