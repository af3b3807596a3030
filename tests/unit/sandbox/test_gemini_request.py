"""What Vertex AI refuses of a Gemini request, refused in its words."""

import base64
from contextlib import suppress
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.sandbox.domain import Choice
from services.sandbox.gemini.request import GeminiAsk, read, read_count
from services.sandbox.gemini.signatures import SKIP, of_call, of_text
from services.sandbox.wire import Refusal

PNG = b"\x89PNG\r\n\x1a\n" + bytes(60)
FLASH, THIRD = "gemini-2.5-flash", "gemini-3-pro-preview"
HI = {"role": "user", "parts": [{"text": "hi"}]}
NOW = {"functionDeclarations": [{"name": "now"}]}
CITY = {"functionDeclarations": [{"name": "city", "parametersJsonSchema": {"type": "object"}}]}
CALL = {"functionCall": {"name": "now", "args": {"at": 1}}}
ANSWER = {"functionResponse": {"name": "now", "response": {"result": "noon"}}}


def ask(to: str = FLASH, **given: Any) -> GeminiAsk:
    return read(orjson.dumps({"contents": [HI]} | given), to, stream=False)


def refusal(to: str = FLASH, **given: Any) -> Refusal:
    with pytest.raises(Refusal) as caught:
        ask(to, **given)
    return caught.value


def model(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"role": "model", "parts": list(parts)}


def user(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"role": "user", "parts": list(parts)}


def signed(signature: str, part: dict[str, Any] = CALL) -> dict[str, Any]:
    return part | {"thoughtSignature": signature}


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"privacy_tier": "x"}, 'Unknown name "privacy_tier": Cannot find field.'),
        ({"generationConfig": {"topQ": 1}}, "Unknown name \"topQ\" at 'generation_config': Cannot find field."),
        ({"contents": [{"role": "user", "parts": [{"txt": "x"}]}]}, "at 'contents[0].parts[0]'"),
        ({"contents": [{"role": "user", "parts": [{"text": 5}]}]}, "'contents[0].parts[0].text' (TYPE_STRING)"),
        ({"generationConfig": {"temperature": "hot"}}, "'generation_config.temperature'"),
        ({"generationConfig": {"topK": 1, "top_k": 1}}, "there twice"),
        ({"toolConfig": {"functionCallingConfig": {"mode": "SOME"}}}, "function_calling_config.mode"),
        ({"tools": [{"functionDeclarations": [{"name": "f", "parameters": {"$ref": "#"}}]}]}, 'Unknown name "$ref"'),
    ],
)
def test_a_member_that_google_does_not_know_is_refused_with_its_place(given: dict[str, Any], words: str) -> None:
    refused = refusal(**given)
    assert refused.status == 400
    assert words in refused.message


def test_members_are_read_in_either_case() -> None:
    config = {"max_output_tokens": "7", "stopSequences": ["x"], "thinking_config": {"include_thoughts": True}}
    seen = ask(generation_config=config, system_instruction={"parts": [{"text": "be kind"}]})
    assert (seen.max_tokens, seen.stop, seen.thinking, seen.thoughts_shown) == (7, ("x",), True, True)
    assert seen.text_bytes == len("be kindhi")


def test_enumerations_are_read_by_name_and_by_number() -> None:
    for mode in ("ANY", 2):
        config = {"functionCallingConfig": {"mode": mode, "allowedFunctionNames": ["city"]}}
        seen = ask(tools=[NOW, CITY], toolConfig=config)
        assert (seen.choice, [tool.name for tool in seen.tools]) == (Choice.REQUIRED, ["city"])


@pytest.mark.parametrize(
    ("contents", "words"),
    [
        ([], "at least one contents field"),
        ([{"role": "user", "parts": []}], "at least one parts field"),
        ([{"parts": [{"text": "hi"}]}], "valid role"),
        ([{"role": "assistant", "parts": [{"text": "hi"}]}], "valid role"),
        ([user({"text": ""})], "empty text parameter"),
        ([user({})], "required oneof field 'data'"),
        ([user({"text": "a", "functionCall": {"name": "f"}})], "required oneof field 'data'"),
        ([HI, model(CALL), model(CALL), user(ANSWER)], "number of function response parts is equal"),
        ([HI, model(CALL), user(ANSWER), user(ANSWER)], "immediately after a function call turn"),
        ([model({"text": "hi"})], "begin with a user"),
        ([HI, model({"text": "hi"})], "end with a user"),
        ([user(CALL)], "role model"),
        ([HI, model(ANSWER), HI], "role user"),
        ([user(ANSWER)], "immediately after a function call turn"),
        ([HI, model(CALL), HI], "number of function response parts is equal"),
        ([HI, model(CALL), user(ANSWER, ANSWER)], "number of function response parts is equal"),
        ([HI, model(CALL), user({"functionResponse": {"name": "then", "response": {}}})], "names"),
        ([HI, model(CALL), user({"functionResponse": {"name": "now"}})], "required field is not set"),
        ([HI, model(CALL), user({"functionResponse": {"id": "x", "name": "now", "response": {}}})], "id of each"),
        ([HI, model({"functionCall": {"args": {}}}), user(ANSWER)], "FIELD_INVALID"),
        ([user({"text": "[[sandbox chunk=1]]"})], "no directive"),
    ],
)
def test_turns_that_do_not_follow_each_other_are_refused(contents: list[Any], words: str) -> None:
    assert words in refusal(contents=contents).message


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"temperature": 2.5}, "temperature value of 2.5"),
        ({"maxOutputTokens": 0}, "maxOutputTokens value of 0"),
        ({"candidateCount": 9}, "candidateCount"),
        ({"stopSequences": list("abcdef")}, "up to 5"),
        ({"logprobs": 3}, "responseLogprobs is not"),
        ({"responseMimeType": "text/html"}, "response_mime_type"),
        ({"responseJsonSchema": {"type": "object"}}, "controlled generation"),
        ({"responseModalities": ["IMAGE"]}, "modalities"),
        ({"thinkingConfig": {"thinkingBudget": 40_000}}, "thinking budget 40000"),
        ({"thinkingConfig": {"thinkingLevel": "LOW"}}, "not supported by this model"),
        ({"thinkingConfig": {"thinkingBudget": 0, "includeThoughts": True}}, "thinking is enabled"),
    ],
)
def test_a_configuration_out_of_range_is_refused(config: dict[str, Any], words: str) -> None:
    assert words in refusal(generationConfig=config).message


def test_models_differ_in_how_they_think() -> None:
    budget = {"thinkingConfig": {"thinkingBudget": 0}}
    assert not ask(FLASH).thinking
    assert ask("gemini-2.5-pro").thinking
    assert not ask(FLASH, generationConfig=budget).thinking
    assert "between 128 and" in refusal("gemini-2.5-pro", generationConfig=budget).message
    assert (
        "by this model"
        in refusal("gemini-2.0-flash", generationConfig={"thinkingConfig": {"includeThoughts": True}}).message
    )
    level = {"thinkingConfig": {"thinkingLevel": "HIGH"}}
    assert ask(THIRD, generationConfig=level).thinking
    level["thinkingConfig"]["thinkingBudget"] = 1024  # type: ignore[assignment]  # two ways at once, on purpose
    assert "only one" in refusal(THIRD, generationConfig=level).message


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"tools": [{"functionDeclarations": [{"name": "1st"}]}]}, "Invalid function name"),
        ({"tools": [{"functionDeclarations": [{"name": "f", "parameters": {"type": "STRING"}}]}]}, "type OBJECT"),
        ({"tools": [NOW, NOW]}, "Duplicate"),
        ({"tools": [NOW, {"googleSearch": {}}]}, "search tools"),
        ({"toolConfig": {"functionCallingConfig": {"mode": "ANY"}}}, "no function declarations"),
        ({"tools": [NOW], "toolConfig": {"functionCallingConfig": {"allowedFunctionNames": ["now"]}}}, "only when"),
        (
            {"tools": [NOW], "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["x"]}}},
            "not declared",
        ),
        ({"tools": [NOW], "generationConfig": {"responseMimeType": "application/json"}}, "tool use"),
    ],
)
def test_tools_that_cannot_be_called_are_refused(given: dict[str, Any], words: str) -> None:
    assert words in refusal(**given).message


def test_a_schema_of_googles_own_is_filled_like_any_other() -> None:
    parameters = {"type": "OBJECT", "properties": {"n": {"type": "INTEGER"}}, "required": ["n"]}
    seen = ask(tools=[{"functionDeclarations": [{"name": "f", "parameters": parameters}]}])
    assert seen.tools[0].schema == {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


def test_a_function_loop_is_read() -> None:
    seen = ask(contents=[HI, model(CALL), user(ANSWER)], tools=[NOW])
    assert (seen.tool_results, seen.text, seen.text_bytes) == (("noon",), "hi", 6)


@pytest.mark.parametrize(
    "signature",
    [
        of_call("now", '{"at":2}'),
        of_call("then", '{"at":1}'),
        of_text("noon"),
        encoded(b"made up"),
        of_call("now", '{"at":1}').replace("A", "B", 1).replace("Q", "A", 1)[::-1],
    ],
)
def test_a_signature_that_was_not_made_for_its_call_is_refused(signature: str) -> None:
    contents = [HI, model(signed(signature)), user(ANSWER)]
    assert "Thought signature is not valid" in refusal(contents=contents).message


def test_a_signature_that_comes_back_holds() -> None:
    for to in (FLASH, THIRD):
        for signature in (of_call("now", '{"at":1.0}'), SKIP.decode(), encoded(SKIP)):
            assert ask(to, contents=[HI, model(signed(signature)), user(ANSWER)]).tool_results == ("noon",)
    text = signed(of_text("hello"), {"text": ""})
    assert ask(contents=[HI, model({"text": "hello"}, text), HI]).text == "hi"


def test_the_third_generation_wants_the_signature_of_the_turn_that_goes_on() -> None:
    contents = [HI, model(CALL), user(ANSWER)]
    assert "missing a `thought_signature`" in refusal(THIRD, contents=contents).message
    assert ask(THIRD, contents=[*contents, model({"text": "noon"}), HI]).text == "hi"
    first = signed(of_call("now", '{"at":1}'))
    assert len(ask(THIRD, contents=[HI, model(first, CALL), user(ANSWER, ANSWER)]).tool_results) == 2
    assert len(ask(THIRD, contents=[HI, model(first), model(CALL), user(ANSWER, ANSWER)]).tool_results) == 2
    steps = [HI, model(first), user(ANSWER), model(CALL), user(ANSWER)]
    assert "4. content block" in refusal(THIRD, contents=steps).message


@pytest.mark.parametrize(
    ("blob", "words"),
    [
        ({"mimeType": "image/jpeg", "data": encoded(PNG)}, "not valid"),
        ({"mimeType": "image/gif", "data": encoded(b"GIF89a")}, "not supported"),
        ({"mimeType": "image/png", "data": "a"}, "Base64 decoding failed"),
        ({"mimeType": "image/png"}, "empty inlineData"),
        ({"mimeType": "application/pdf", "data": encoded(b"<html>")}, "no pages"),
        ({"data": encoded(PNG)}, "not supported"),
    ],
)
def test_bytes_are_checked_against_their_type(blob: dict[str, Any], words: str) -> None:
    assert words in refusal(contents=[user({"inlineData": blob}, {"text": "see"})]).message


def test_bytes_are_read_in_either_alphabet() -> None:
    data = PNG + b"\xfb\xff\xfe"
    for made in (encoded(data), base64.urlsafe_b64encode(data).decode().rstrip("=")):
        blob = {"mime_type": "image/png", "data": made}
        assert ask(contents=[user({"inlineData": blob})]).images == ("an image/png of 71 bytes",)


def test_links_must_be_of_google_storage_or_https() -> None:
    def linked(uri: str) -> list[Any]:
        return [user({"fileData": {"fileUri": uri, "mimeType": "image/png"}})]

    assert "behind a link" in ask(contents=linked("https://example.com/a.png")).images[0]
    assert "behind a link" in ask(contents=linked("gs://a/b.png")).images[0]
    assert "gs://" in refusal(contents=linked("http://example.com/a.png")).message


def test_an_unknown_model_is_not_found() -> None:
    assert refusal("missing-model").status == 404


def test_tokens_are_counted_as_usage_would() -> None:
    body = {"contents": [HI], "systemInstruction": {"parts": [{"text": "be kind"}]}}
    assert read_count(orjson.dumps(body), FLASH).text_bytes == 9


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"\xff", b'{"labels":' + b'{"a":' * 200 + b"1" + b"}" * 201])
def test_what_is_no_message_is_refused(raw: bytes) -> None:
    with pytest.raises(Refusal, match="Invalid JSON payload"):
        read(raw, FLASH, stream=False)


NAMES = """
    role parts text inlineData fileData functionCall functionResponse mimeType data fileUri name args response tools
    functionDeclarations parameters type properties items functionCallingConfig mode allowedFunctionNames thought
    thoughtSignature thinkingConfig thinkingBudget includeThoughts responseSchema responseMimeType stopSequences
""".split()
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["", "user", "model", "a", "image/png", "OBJECT", "ANY", "application/json", "aGk="]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=3),
    max_leaves=14,
)


@given(
    st.dictionaries(
        st.sampled_from(["contents", "systemInstruction", "tools", "toolConfig", "generationConfig", "labels"]), JSON
    )
)
def test_any_json_is_read_or_refused(given_: dict[str, Any]) -> None:
    with suppress(Refusal):  # any other exception is the failure
        assert read(orjson.dumps({"contents": [HI]} | given_), THIRD, stream=False).model == THIRD
