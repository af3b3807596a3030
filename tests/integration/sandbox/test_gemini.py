"""Google's own SDKs against the sandbox."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

import aiohttp
import pytest
from google import genai
from google.auth.credentials import AnonymousCredentials
from google.genai import errors, types
from google.oauth2.credentials import Credentials

from tests.integration.sandbox.running import Running

pytestmark = [
    pytest.mark.filterwarnings(
        "ignore:Inheritance class AiohttpClientSession:DeprecationWarning"
    ),  # google-genai's own
    pytest.mark.filterwarnings("ignore:This feature is deprecated:UserWarning"),  # vertexai's own
]
PNG = b"\x89PNG\r\n\x1a\n" + bytes(60)
FLASH, PRO, THIRD = "gemini-2.5-flash", "gemini-2.5-pro", "gemini-3-pro-preview"
REGION = "northamerica-northeast1"
CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOLS: Any = [
    {
        "function_declarations": [
            {"name": "get_weather", "description": "the weather", "parameters_json_schema": CITY},
            {"name": "now"},
        ]
    }
]


@pytest.fixture
async def client(sandbox: Running) -> AsyncIterator[genai.Client]:
    made = genai.Client(
        vertexai=True,
        project="p",
        location=REGION,
        credentials=Credentials(token="t"),  # type: ignore[no-untyped-call]  # google-auth's constructors have no types
        http_options=types.HttpOptions(base_url=f"{sandbox.url}/vertex/{REGION}", api_version="v1"),
    )
    yield made
    await made.aio.aclose()
    made.close()


async def said(client: genai.Client, contents: Any, model: str = FLASH, **config: Any) -> types.GenerateContentResponse:
    return await client.aio.models.generate_content(
        model=model, contents=contents, config=types.GenerateContentConfig(**config)
    )


async def streamed(
    client: genai.Client, contents: Any, model: str = FLASH, **config: Any
) -> list[types.GenerateContentResponse]:
    stream = await client.aio.models.generate_content_stream(
        model=model, contents=contents, config=types.GenerateContentConfig(**config)
    )
    return [chunk async for chunk in stream]


def parts_of(chunks: Sequence[types.GenerateContentResponse]) -> list[types.Part]:
    contents = [c.candidates[0].content for c in chunks if c.candidates]
    return [part for content in contents if content is not None for part in content.parts or []]


def usage_of(answer: types.GenerateContentResponse) -> types.GenerateContentResponseUsageMetadata:
    assert answer.usage_metadata is not None
    return answer.usage_metadata


def reason_of(answer: types.GenerateContentResponse) -> str:
    assert answer.candidates is not None
    assert answer.candidates[0].finish_reason is not None
    return str(answer.candidates[0].finish_reason.value)


async def test_an_answer_is_parsed(client: genai.Client) -> None:
    answer = await said(client, "What model are you?", system_instruction="be kind")
    assert answer.text == f"I am {FLASH}, played by the sandbox."
    assert (reason_of(answer), answer.model_version) == ("STOP", FLASH)
    usage = usage_of(answer)
    assert (usage.prompt_token_count, usage.thoughts_token_count) == (7, None)
    assert usage.total_token_count == 7 + (usage.candidates_token_count or 0)


async def test_a_stream_is_the_same_text_and_ends_with_the_same_usage(client: genai.Client) -> None:
    whole = await said(client, "count to five")
    chunks = await streamed(client, "count to five")
    assert "".join(chunk.text or "" for chunk in chunks) == whole.text == "1, 2, 3, 4, 5"
    assert [chunk.candidates[0].finish_reason for chunk in chunks[:-1] if chunk.candidates] == [None] * 5
    assert (reason_of(chunks[-1]), chunks[-1].usage_metadata) == ("STOP", whole.usage_metadata)
    counts = [usage_of(chunk).candidates_token_count or 0 for chunk in chunks]
    assert counts != sorted(counts), "usage is in every chunk, and only the last one holds"


async def test_both_ways_work_without_async(client: genai.Client) -> None:
    def ask() -> tuple[str, str]:
        whole = client.models.generate_content(model=FLASH, contents="count to five")
        chunks = client.models.generate_content_stream(model=FLASH, contents="count to five")
        return whole.text or "", "".join(chunk.text or "" for chunk in chunks)

    assert await asyncio.to_thread(ask) == ("1, 2, 3, 4, 5",) * 2


@pytest.mark.parametrize("model", [FLASH, PRO, THIRD])
async def test_the_sdk_calls_functions_by_itself(client: genai.Client, model: str) -> None:
    def get_weather(city: str) -> str:
        """The weather.

        Args:
            city: where
        """
        return f"-4 C in {city}"

    answer = await said(client, "use the tool get_weather: Laval", model, tools=[get_weather])
    assert answer.text == 'The tool answered: "-4 C in Laval".'
    history = answer.automatic_function_calling_history or []
    signature = (history[1].parts or [])[0].thought_signature
    assert (signature is None) == (model == FLASH), "who thinks signs"


async def test_a_chat_gives_back_what_a_stream_signed(client: genai.Client) -> None:
    chat = client.aio.chats.create(model=THIRD, config=types.GenerateContentConfig(tools=TOOLS))
    first = [chunk async for chunk in await chat.send_message_stream("use the tools get_weather and now: Laval")]
    calls = [part.function_call for part in parts_of(first) if part.function_call]
    assert [(call.name, call.args) for call in calls] == [("get_weather", {"city": "Laval"}), ("now", {})]
    assert len({call.id for call in calls}) == 2
    answers = [
        types.Part(function_response=types.FunctionResponse(id=call.id, name=call.name, response={"result": call.name}))
        for call in calls
    ]
    second = [chunk async for chunk in await chat.send_message_stream(answers)]
    assert "".join(c.text or "" for c in second) == 'The tool answered: "get_weather". The tool answered: "now".'
    assert parts_of(second)[-1].thought_signature is not None
    third = [chunk async for chunk in await chat.send_message_stream("count to five")]
    assert "".join(chunk.text or "" for chunk in third) == "1, 2, 3, 4, 5"


async def test_calls_have_no_ids_before_the_third_generation(client: genai.Client) -> None:
    (call,) = (await said(client, "use the tool now", tools=TOOLS)).function_calls or []
    assert (call.id, call.name, call.args) == (None, "now", {})


@pytest.mark.parametrize("lost", [True, False])
async def test_a_signature_that_was_lost_or_changed_is_refused(client: genai.Client, lost: bool) -> None:
    first = await said(client, "use the tool now", THIRD, tools=TOOLS)
    assert first.candidates is not None
    content = first.candidates[0].content
    assert content is not None
    assert content.parts is not None
    part = content.parts[0]
    assert part.thought_signature is not None
    part.thought_signature = None if lost else part.thought_signature[:-1] + b"\0"
    answer = types.Part.from_function_response(name="now", response={"result": "noon"})
    contents = [types.UserContent("use the tool now"), content, types.UserContent(answer)]
    with pytest.raises(errors.ClientError, match="missing a `thought_signature`" if lost else "is not valid"):
        await said(client, contents, THIRD, tools=TOOLS)
    part.thought_signature = b"skip_thought_signature_validator"
    assert (await said(client, contents, THIRD, tools=TOOLS)).text == 'The tool answered: "noon".'


async def test_thoughts_are_shown_when_asked_for_and_counted_always(client: genai.Client) -> None:
    shown = types.ThinkingConfig(include_thoughts=True, thinking_budget=1024)
    whole = await said(client, "count to five", thinking_config=shown)
    chunks = await streamed(client, "count to five", thinking_config=shown)
    thought = (parts_of([whole])[0].text or "", "".join(p.text or "" for p in parts_of(chunks) if p.thought))
    assert thought == ('Let me think about "count to five". It is clear what to do.',) * 2
    assert whole.text == "1, 2, 3, 4, 5"
    hidden = await said(client, "count to five", PRO)
    assert [part.thought for part in parts_of([hidden])] == [None]
    for answer in (whole, chunks[-1], hidden):
        usage = usage_of(answer)
        assert (usage.thoughts_token_count or 0) > 5
        assert usage.candidates_token_count == 5
        assert usage.total_token_count == 4 + 5 + (usage.thoughts_token_count or 0)


async def test_thinking_may_take_all_the_tokens(client: genai.Client) -> None:
    for answer in (
        await said(client, "count to five", PRO, max_output_tokens=3),
        (await streamed(client, "count to five", PRO, max_output_tokens=3))[-1],
    ):
        assert (reason_of(answer), answer.text, parts_of([answer])) == ("MAX_TOKENS", None, [])
        assert usage_of(answer).thoughts_token_count == 3


async def test_limits_stops_schemas_and_candidates(client: genai.Client) -> None:
    cut = await said(client, "count to five", max_output_tokens=2)
    assert (cut.text, reason_of(cut)) == ("1, 2,", "MAX_TOKENS")
    stopped = await said(client, "count to five", stop_sequences=[", 3"], candidate_count=2)
    assert [c.content.parts[0].text for c in stopped.candidates or [] if c.content and c.content.parts] == ["1, 2"] * 2
    assert [c.index for c in stopped.candidates or []] == [None, 1]
    both = await streamed(client, "count to five", candidate_count=2)
    texts = ["", ""]
    for chunk in both:
        for one in chunk.candidates or []:
            texts[one.index or 0] += (one.content.parts or [])[0].text or "" if one.content else ""
    assert texts == ["1, 2, 3, 4, 5"] * 2
    schema: Any = {"type": "object", "properties": {"ok": {"type": "boolean"}}, "required": ["ok"]}
    for name in ("response_json_schema", "response_schema"):
        wanted: Any = {name: schema}
        form = await said(client, "x", response_mime_type="application/json", **wanted)
        assert json.loads(form.text or "") == {"ok": True}


async def test_an_image_is_described(client: genai.Client) -> None:
    parts = ["what is it", types.Part.from_bytes(data=PNG + b"\xfb\xff", mime_type="image/png")]
    assert (await said(client, parts)).text == "I see an image/png of 70 bytes."
    parts[1] = types.Part.from_uri(file_uri="gs://a/b.png", mime_type="image/png")
    assert "behind a link" in ((await said(client, parts)).text or "")


async def test_log_probabilities_are_there_when_asked_for(client: genai.Client) -> None:
    answer = await said(client, "count to five", response_logprobs=True, logprobs=2)
    assert answer.candidates is not None
    found = answer.candidates[0].logprobs_result
    assert found is not None
    assert [one.token for one in found.chosen_candidates or []] == ["1,", " 2,", " 3,", " 4,", " 5"]
    assert [len(one.candidates or []) for one in found.top_candidates or []] == [2] * 5


async def test_a_refusal_has_no_content(client: genai.Client) -> None:
    for answer in (await said(client, "refuse this"), (await streamed(client, "refuse this"))[-1]):
        assert (reason_of(answer), answer.text) == ("SAFETY", None)
    for answer in (await said(client, "refuse this prompt"), (await streamed(client, "refuse this prompt"))[-1]):
        assert answer.candidates is None
        assert answer.prompt_feedback is not None
        assert answer.prompt_feedback.block_reason is types.BlockedReason.PROHIBITED_CONTENT


async def test_a_long_beginning_is_read_from_the_cache(client: genai.Client) -> None:
    system = "be kind, " * 600
    first, second = [await said(client, ask, system_instruction=system) for ask in ("count to five", "hi")]
    assert usage_of(first).cached_content_token_count is None
    assert usage_of(second).cached_content_token_count == 1350
    assert (usage_of(second).prompt_token_count or 0) > 1350


async def test_tokens_are_counted(client: genai.Client) -> None:
    counted = await client.aio.models.count_tokens(
        model=FLASH, contents="count to five", config=types.CountTokensConfig(system_instruction="be kind")
    )
    answer = await said(client, "count to five", system_instruction="be kind")
    assert counted.total_tokens == usage_of(answer).prompt_token_count == 5


async def test_errors_are_the_sdks_own_classes(client: genai.Client) -> None:
    for status, name in (
        (400, "INVALID_ARGUMENT"),
        (401, "UNAUTHENTICATED"),
        (403, "PERMISSION_DENIED"),
        (404, "NOT_FOUND"),
        (429, "RESOURCE_EXHAUSTED"),
    ):
        with pytest.raises(errors.ClientError) as refused:
            await said(client, f"[[sandbox status={status}]]")
        assert (refused.value.code, refused.value.status) == (status, name)
    for status in (500, 503, 529):
        with pytest.raises(errors.ServerError) as failed:
            await said(client, f"[[sandbox status={status}]]")
        assert failed.value.status == ("INTERNAL" if status == 500 else "UNAVAILABLE")
    with pytest.raises(errors.ClientError) as limited:
        await said(client, "[[sandbox status=429 retry_after=7]]")
    (detail,) = limited.value.details["error"]["details"]
    assert detail == {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "7s"}
    with pytest.raises(errors.ClientError, match="missing-model"):
        await said(client, "hi", "missing-model")


async def test_an_error_within_a_stream_reaches_the_sdk(client: genai.Client) -> None:
    stream = await client.aio.models.generate_content_stream(
        model=FLASH, contents="[[sandbox chunks=9 error_after=3 error=serviceUnavailable]]"
    )
    seen = [(await anext(stream)).text for _ in range(3)]
    assert seen == ["w0 ", "w1 ", "w2 "]
    with pytest.raises(errors.ServerError, match="UNAVAILABLE"):
        await anext(stream)


async def test_a_cut_stream_breaks_the_sdk(client: genai.Client) -> None:
    with pytest.raises(aiohttp.ClientPayloadError):
        await streamed(client, "[[sandbox chunks=9 cut_after=3]]")


async def post(sandbox: Running, method: str, prompt: str, place: str = REGION, **headers: str) -> tuple[int, bytes]:
    url = (
        f"{sandbox.url}/vertex/{REGION}/v1beta1/projects/p/locations/{place}/publishers/google/models/{FLASH}:{method}"
    )
    body = {"contents": [{"role": "user", "parts": [{"text": prompt}]}]}
    async with sandbox.http.post(url, json=body, headers=headers) as response:
        return response.status, await response.read()


async def test_a_location_is_served_at_its_own_address_only(sandbox: Running) -> None:
    status, raw = await post(sandbox, "generateContent", "hi", "us-central1", authorization="Bearer t")
    assert (status, json.loads(raw)["error"]["status"]) == (404, "NOT_FOUND")


async def test_a_token_is_asked_for(sandbox: Running) -> None:
    status, raw = await post(sandbox, "generateContent", "hi")
    assert (status, json.loads(raw)["error"]["status"]) == (401, "UNAUTHENTICATED")
    assert json.loads(raw)["error"]["details"][0]["reason"] == "CREDENTIALS_MISSING"


async def test_without_alt_a_stream_is_one_array(sandbox: Running) -> None:
    for prompt in ("count to five", "use the tool x", "[[sandbox chunks=0]]"):
        _, raw = await post(sandbox, "streamGenerateContent", prompt, authorization="Bearer t")
        assert json.loads(raw)[-1]["candidates"][0]["finishReason"] == "STOP"
    for after in (0, 3):
        _, raw = await post(
            sandbox, "streamGenerateContent", f"[[sandbox chunks=9 error_after={after}]]", authorization="Bearer t"
        )
        assert [set(one) for one in json.loads(raw)][after:] == [{"error"}]
    _, raw = await post(sandbox, "streamGenerateContent", "[[sandbox nothing]]", authorization="Bearer t")
    assert json.loads(raw)[0]["error"]["code"] == 400


async def test_events_end_as_googles_do_and_have_their_size(sandbox: Running) -> None:
    prompt = "[[sandbox chunks=20 chunk_bytes=600]]"
    _, raw = await post(sandbox, "streamGenerateContent?alt=sse", prompt, authorization="Bearer t")
    events = raw.split(b"\r\n\r\n")
    assert events.pop() == b""
    assert all(event.startswith(b"data: {") for event in events)
    assert [len(event) + 4 for event in events[:-1]] == [600] * 20


async def test_the_older_sdk_reads_arrays_over_rest(sandbox: Running) -> None:
    vertexai = pytest.importorskip("vertexai")
    from vertexai.generative_models import Content, FunctionDeclaration, GenerativeModel, Part, Tool  # noqa: PLC0415

    vertexai.init(
        project="p",
        location=REGION,
        credentials=AnonymousCredentials(),  # type: ignore[no-untyped-call]  # as above
        api_endpoint=f"{sandbox.url}/vertex/{REGION}",
        api_transport="rest",
        request_metadata=[("authorization", "Bearer t")],
    )
    model: Any = GenerativeModel(FLASH)
    tool: Any = Tool(function_declarations=[FunctionDeclaration(name="now", description="time", parameters=CITY)])

    def ask() -> tuple[str, str, str]:
        chunks = model.generate_content("count to five", stream=True)
        first = model.generate_content("use the tool now: Laval", tools=[tool]).candidates[0]
        contents = [
            Content(role="user", parts=[Part.from_text("use the tool now: Laval")]),
            first.content,
            Content(parts=[Part.from_function_response(name="now", response={"content": "noon"})], role="user"),
        ]
        second = model.generate_content(contents, tools=[tool])
        return model.generate_content("count to five").text, "".join(chunk.text for chunk in chunks), second.text

    assert await asyncio.to_thread(ask) == (
        "1, 2, 3, 4, 5",
        "1, 2, 3, 4, 5",
        'The tool answered: "{"content":"noon"}".',
    )
