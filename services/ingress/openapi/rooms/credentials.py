"""An account's own credentials for providers: written, never read back."""

from dataclasses import replace
from typing import Any, Final

from services.ingress.openapi.parts import (
    Answer,
    Needs,
    Operation,
    Schema,
    always,
    flag,
    listing,
    one_of,
    part,
    ref,
    sent,
    shape,
    text,
    whole,
)

PROVIDERS: Final = ("openai", "anthropic", "azure", "bedrock", "vertex")

SCHEMAS: Final[dict[str, Schema]] = {
    "Credential": shape(
        {
            "object": always("byok_credential"),
            "provider": one_of(*PROVIDERS),
            "last4": text(),
            "created": whole("Unix seconds."),
            "updated": whole("Unix seconds."),
        },
        {"resource": text(), "region": text(), "project": text()},
        examples=[
            {
                "object": "byok_credential",
                "provider": "azure",
                "last4": "9f2c",
                "resource": "maple-openai",
                "created": 1_795_269_320,
                "updated": 1_795_269_320,
            }
        ],
    ),
    "Credentials": shape(
        {
            "object": always("list"),
            "data": listing(ref("Credential")),
            "next": {"type": "null"},
            "providers": listing(text()),
        }
    ),
    "CredentialBody": {
        "description": "What the provider in the path takes. No address is ever taken.",
        "oneOf": [
            sent({"api_key": text(minLength=16, maxLength=4096)}, title="openai, anthropic"),
            sent({"api_key": text(minLength=16, maxLength=4096), "resource": text()}, title="azure"),
            sent({"region": text(), "api_key": text(minLength=16)}, title="bedrock, by an API key"),
            sent(
                {"region": text(), "access_key_id": text(), "secret_access_key": text(minLength=16)},
                {"session_token": text(minLength=16)},
                title="bedrock, by an access key",
            ),
            sent(
                {
                    "region": text(),
                    "service_account": shape(
                        {
                            "project_id": text(),
                            "private_key_id": text(),
                            "private_key": text("PEM."),
                            "client_email": text(),
                        },
                        more=True,
                        description="The key file of a service account.",
                    ),
                },
                {"project": text("Where it is not the service account's own.")},
                title="vertex",
            ),
        ],
        "examples": [{"api_key": "the-provider-s-own-key"}],
    },
    "CredentialGone": shape({"object": always("byok_credential"), "provider": text(), "deleted": flag(const=True)}),
    "Rewrapped": shape(
        {"object": always("rewrap"), "current": text(), "rewrapped": whole(), "unopened": whole()},
        examples=[{"object": "rewrap", "current": "kek-1", "rewrapped": 3, "unopened": 0}],
    ),
}

_PROVIDER: Final = replace(part("provider", "Whose credential.", "anthropic"), schema=one_of(*PROVIDERS))


def _byok(method: str, path: str, name: str, summary: str, **more: Any) -> Operation:
    return Operation(
        method=method,
        path=f"/api{path}",
        id=name,
        tag="Own credentials",
        summary=summary,
        needs=Needs.PERSON,
        codes=("not_found", "overloaded", "route_unavailable"),
        **more,
    )


OPERATIONS: Final = (
    _byok(
        "GET", "/byok", "list_credentials", "The credentials that are kept", answer=Answer(schema=ref("Credentials"))
    ),
    _byok(
        "GET",
        "/byok/{provider}",
        "get_credential",
        "What is kept for a provider; never the credential itself",
        parameters=(_PROVIDER,),
        answer=Answer(schema=ref("Credential")),
    ),
    _byok(
        "PUT",
        "/byok/{provider}",
        "put_credential",
        "Keep a credential, sealed; it takes the place of the one before",
        parameters=(_PROVIDER,),
        body=ref("CredentialBody"),
        example={"api_key": "the-provider-s-own-key"},
        answer=Answer(schema=ref("Credential"), text="Kept."),
    ),
    _byok(
        "DELETE",
        "/byok/{provider}",
        "delete_credential",
        "Forget a credential",
        parameters=(_PROVIDER,),
        answer=Answer(schema=ref("CredentialGone"), text="Gone."),
    ),
    _byok(
        "POST",
        "/admin/byok/rewrap",
        "rewrap_credentials",
        "Seal every credential with the present key-encryption key; for whoever runs the deployment",
        answer=Answer(schema=ref("Rewrapped")),
    ),
)
