"""The description of the API beside what it describes: the same paths, bodies, defaults and errors, and valid."""

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from libs.contracts.errors import catalogue
from services.accounts.bodies.accounts import TenantBody, TenantChange, UserBody, UserChange
from services.accounts.bodies.credentials import FORMS
from services.accounts.bodies.keys import KeyBody, LimitsBody, RotationBody
from services.accounts.bodies.reading import Body
from services.ingress import domain, handlers
from services.ingress.api import dead_letters as dead_letters_api
from services.ingress.api import pii as pii_api
from services.ingress.api import usage as usage_api
from services.ingress.api.account import ENDPOINTS, Endpoint
from services.ingress.openapi.document import OPERATIONS, document
from services.ingress.openapi.page import page
from services.ingress.openapi.refusals import codes_of
from services.ingress.problems import ROWS
from services.pii.account_policies.record import AccountPolicies
from services.pii.entities import EntityType
from services.pii.policies import Pattern, Policy

DOCUMENT: dict[str, Any] = orjson.loads(orjson.dumps(document("1")))
SCHEMAS: dict[str, Any] = DOCUMENT["components"]["schemas"]
INGRESS = Path(handlers.__file__).parent
NAMES = re.compile(r"\{[a-z_]+\}")


def anonymous(path: str) -> str:
    """A path whose parts in braces have no names."""
    return NAMES.sub("{}", path)


DESCRIBED = {(each.method, anonymous(each.path)) for each in OPERATIONS}


def check(schema: Mapping[str, Any], value: Any) -> None:
    validator = Draft202012Validator({**schema, "components": DOCUMENT["components"]})
    errors = [f"{error.json_path}: {error.message}" for error in validator.iter_errors(value)]
    assert not errors, errors


def test_the_document_is_valid_openapi() -> None:
    OpenAPIV31SpecValidator(DOCUMENT).validate()


def test_every_operation_has_a_name_of_its_own() -> None:
    names = [each.id for each in OPERATIONS]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("name", [name for name, schema in SCHEMAS.items() if "examples" in schema])
def test_a_schema_s_examples_are_of_that_shape(name: str) -> None:
    for value in SCHEMAS[name]["examples"]:
        check(SCHEMAS[name], value)


@pytest.mark.parametrize("operation", [each for each in OPERATIONS if each.body], ids=lambda each: each.id)
def test_every_body_has_an_example_of_its_shape(operation: Any) -> None:
    assert operation.example is not None
    check(orjson.loads(orjson.dumps(operation.body)), orjson.loads(orjson.dumps(operation.example)))


def test_every_schema_is_used() -> None:
    text = orjson.dumps(DOCUMENT).decode()
    assert [name for name in SCHEMAS if f'"#/components/schemas/{name}"' not in text] == []


def _place(endpoint: Endpoint) -> str:
    path = f"/api/{endpoint.collection}"
    if endpoint.collection == "admin/byok":  # nothing there has an id
        return f"{path}/{endpoint.place}"
    return path + {"": "", "id": "/{}"}.get(endpoint.place, f"/{{}}/{endpoint.place}")


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda each: each.right.value)
def test_every_endpoint_of_accounts_is_described_with_its_status(endpoint: Endpoint) -> None:
    (found,) = [
        each for each in OPERATIONS if (each.method, anonymous(each.path)) == (endpoint.method, _place(endpoint))
    ]
    assert found.answer.status == endpoint.status


def _lists() -> Iterator[tuple[str, frozenset[str]]]:
    yield "/api/admin/pii-audit", pii_api._AUDIT
    yield "/api/admin/dead-letters", dead_letters_api._PAGED
    for place, known in usage_api._KNOWN.items():
        yield f"/api/{place}", known
        if not place.startswith("admin/"):
            yield f"/api/v1/inference/{place}", known


@pytest.mark.parametrize(("path", "known"), list(_lists()), ids=lambda one: one if isinstance(one, str) else "")
def test_every_list_is_described_with_the_parameters_it_knows(path: str, known: frozenset[str]) -> None:
    (found,) = [each for each in OPERATIONS if (each.method, each.path) == ("GET", path)]
    assert {each.name for each in found.parameters} == known


@pytest.mark.parametrize("surface", ["/v1", "/api/v1/inference"])
@pytest.mark.parametrize("tail", sorted({tail for _, tail in handlers._CALLS}))
def test_every_call_of_a_model_is_described(surface: str, tail: str) -> None:
    assert ("POST", surface + tail) in DESCRIBED


def _paths_in_the_code() -> Iterator[tuple[str, str]]:
    for file in INGRESS.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                for found in re.findall(r"(?<![\w.}/])/(?:api|portal|docs|openapi)[a-z0-9/_.-]*", node.value):
                    yield file.name, found


def test_every_path_that_the_edge_s_code_names_is_described() -> None:
    paths = [each.path for each in OPERATIONS]
    missing = {
        (file, named)
        for file, named in _paths_in_the_code()
        if not any(path.startswith(named.rstrip("/.")) for path in paths)
    }
    assert not missing


MODELS: dict[str, type[Body]] = {
    "KeyBody": KeyBody,
    "RotationBody": RotationBody,
    "TenantBody": TenantBody,
    "TenantChange": TenantChange,
    "UserBody": UserBody,
    "UserChange": UserChange,
}


@pytest.mark.parametrize("name", MODELS)
def test_a_described_body_is_the_one_that_accounts_reads(name: str) -> None:
    described, read = SCHEMAS[name], MODELS[name].model_fields
    assert set(described["properties"]) == set(read)
    assert set(described.get("required", ())) == {each for each, field in read.items() if field.is_required()}
    for member, schema in described["properties"].items():
        if "default" in schema:
            assert schema["default"] == read[member].default, member


def test_a_described_policy_is_the_one_that_is_read() -> None:
    described = SCHEMAS["PiiPolicy"]["properties"]
    assert set(described) == set(Policy.model_fields)
    assert set(described["patterns"]["items"]["properties"]) == set(Pattern.model_fields)
    read = orjson.loads(Policy().model_dump_json())
    assert {name: each["default"] for name, each in described.items() if "default" in each} == read
    wanted = SCHEMAS["PolicyBody"]["properties"]["pii"]["properties"]
    assert set(wanted) == set(AccountPolicies.model_fields)
    assert wanted["audit_days"]["default"] == AccountPolicies().audit_days
    assert SCHEMAS["PreviewEntity"]["properties"]["type"]["enum"] == list(EntityType)


def test_the_limits_of_a_key_are_those_that_accounts_reads() -> None:
    limits = SCHEMAS["KeyBody"]["properties"]["rate_limits"]["properties"]
    assert set(limits) == set(LimitsBody.model_fields)


def test_a_credential_may_be_given_in_every_form_that_accounts_reads() -> None:
    assert SCHEMAS["Credential"]["properties"]["provider"]["enum"] == list(FORMS)
    shapes = SCHEMAS["CredentialBody"]["oneOf"]
    for provider, form in FORMS.items():
        members = {name for each in shapes if provider in each["title"] for name in each["properties"]}
        assert members == set(form.model_fields), provider


def test_the_fields_of_ours_and_their_headers_are_described() -> None:
    for name in ("ChatRequest", "MessagesRequest", "CountRequest"):
        assert set(domain.OURS) <= set(SCHEMAS[name]["properties"])
    sent = {each["name"] for each in DOCUMENT["paths"]["/v1/chat/completions"]["post"]["parameters"]}
    assert set(domain.HEADER_FORMS.values()) <= sent


def test_the_defaults_of_a_request_are_stated() -> None:
    members = SCHEMAS["ChatRequest"]["properties"]
    stated = {name: each["default"] for name, each in members.items() if "default" in each}
    assert stated == {"allow_fallbacks": True, "pii_substitution": False, "stream": False, "temperature": 1.0}


def test_every_error_is_in_the_table_with_its_statuses() -> None:
    table = DOCUMENT["x-ni-errors"]
    assert set(table) == set(ROWS) == set(catalogue())
    assert (table["overloaded"]["status"], table["overloaded"]["anthropic_status"]) == (503, 529)


def test_every_error_is_named_by_an_operation_or_happens_before_there_is_one() -> None:
    named = {code for each in OPERATIONS for code in codes_of(each)}
    # Of a wrong method, of a stream that has begun, of the street's own hands: no operation answers these.
    elsewhere = {"method_not_allowed", "stream_broken", "not_open"}
    assert set(ROWS) - named == elsewhere


def test_the_page_lists_every_operation_and_shape_without_a_script() -> None:
    html = page(DOCUMENT).decode()
    before_script = html[: html.rindex("<script>")]
    for each in OPERATIONS:
        assert f'<details id="{each.id}"' in before_script
    for name in SCHEMAS:
        assert f'id="shape-{name}"' in before_script
    assert "<script>" not in before_script


def test_the_page_loads_nothing_from_anywhere() -> None:
    html = page(DOCUMENT).decode()
    assert not re.findall(r"""(?:src|srcset|action)\s*=|url\(|@import|<link|<img|<iframe""", html)
    assert set(re.findall(r'href="([^"#][^"]*)"', html)) == {"/openapi.json"}


def test_the_page_escapes_what_it_shows() -> None:
    evil = '<script>alert("x")</script>'
    changed = {**DOCUMENT, "info": {**DOCUMENT["info"], "title": evil, "description": evil}}
    assert evil not in page(changed).decode()
