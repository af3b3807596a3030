"""Reads a chat completion request as OpenAI does: what it refuses is refused here, in its words."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson

from services.sandbox.domain import Prefix
from services.sandbox.model.images import UnreadableImageError, describe
from services.sandbox.model.implicit_cache import prefixes_of
from services.sandbox.openai.houses import ChatAsk, House
from services.sandbox.openai.options import is_reasoning, logprobs_in, stream_options_in, thinks
from services.sandbox.openai.sequence import text_of, turns_in_order, wrong
from services.sandbox.openai.tools import choice_in, schema_in, tools_in
from services.sandbox.orders.directives import UnknownDirectiveError, written_in
from services.sandbox.wire import Refusal, json_object

Json = Mapping[str, Any]  # a request body, not yet validated

# https://platform.openai.com/docs/api-reference/chat/create
KNOWN = frozenset(
    """
    audio frequency_penalty function_call functions logit_bias logprobs max_completion_tokens max_tokens messages
    metadata modalities model moderation n parallel_tool_calls prediction presence_penalty prompt_cache_key
    prompt_cache_options prompt_cache_retention reasoning_effort response_format safety_identifier seed service_tier
    stop store stream stream_options temperature tool_choice tools top_logprobs top_p user verbosity
    web_search_options
    """.split()
)
# https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html#extra-parameters
VLLM = frozenset(
    """
    add_generation_prompt add_special_tokens allowed_token_ids bad_words best_of cache_salt chat_template
    chat_template_kwargs continue_final_message documents echo guided_choice guided_decoding_backend guided_grammar
    guided_json guided_regex ignore_eos include_reasoning include_stop_str_in_output kv_transfer_params
    length_penalty min_p min_tokens mm_processor_kwargs priority prompt_logprobs repetition_penalty request_id
    return_token_ids skip_special_tokens spaces_between_special_tokens stop_token_ids structured_outputs top_k
    truncate_prompt_tokens use_beam_search vllm_xargs
    """.split()
)
_LEAST_CACHED, _CACHE_STEP = 1024, 128
_LONGEST_USER = 64
_RANGES: Mapping[str, tuple[float, float]] = {
    "temperature": (0, 2),
    "top_p": (0, 1),
    "presence_penalty": (-2, 2),
    "frequency_penalty": (-2, 2),
    "n": (1, 128),
    "top_logprobs": (0, 20),
    "max_tokens": (1, 1 << 31),
    "max_completion_tokens": (1, 1 << 31),
}
_INTEGERS = frozenset({"n", "top_logprobs", "max_tokens", "max_completion_tokens", "seed"})


def read(raw: bytes, *, deployment: str = "", house: House = House.OPENAI) -> ChatAsk:
    """The request as the domain sees it; raises Refusal. A `deployment` in the path stands for the model."""
    vllm = house is House.SELF_HOSTED
    body = _parsed(raw)
    _known_fields(body, KNOWN | VLLM if vllm else KNOWN)
    model = deployment or _model(body)
    _numbers(body)
    if not vllm:
        _about_the_caller(body)
    if not vllm and "max_tokens" in body and is_reasoning(model):
        raise wrong(
            "Unsupported parameter: 'max_tokens' is not supported with this model. "
            "Use 'max_completion_tokens' instead.",
            "max_tokens",
            "unsupported_parameter",
        )
    if "missing-model" in model:
        raise Refusal(
            404, f"The model `{model}` does not exist or you do not have access to it.", code="model_not_found"
        )
    messages = turns_in_order(body.get("messages"))
    texts = [text_of(message) for message in messages]
    try:
        text, directive = written_in(_last_user(messages, texts))
    except UnknownDirectiveError as error:
        raise wrong(str(error), "messages", "sandbox_directive") from None
    tools = tuple(tools_in(body))
    choice, forced = choice_in(body, tools)
    options = stream_options_in(body, house)
    return ChatAsk(
        model=model,
        text=text,
        text_bytes=sum(len(t.encode()) for t in texts),
        stream=_stream(body),
        include_usage=options.usage,
        images=tuple(_images(messages)),
        tool_results=tuple(_results(messages, texts)),
        tools=tools,
        choice=choice,
        forced=forced,
        parallel=body.get("parallel_tool_calls") is not False,
        max_tokens=body.get("max_completion_tokens") or body.get("max_tokens"),
        stop=_stop(body),
        n=body.get("n") or 1,
        json_schema=schema_in(body, texts, vllm=vllm),
        thinking=thinks(body, model, house),
        thoughts_shown=vllm,
        prefixes=() if vllm else _prefixes(body, model, texts),
        directive=directive,
        logprobs=logprobs_in(body),
        obfuscated=options.obfuscated,
        usage_in_each=options.usage_in_each,
    )


def _about_the_caller(body: Json) -> None:
    for name in ("user", "safety_identifier"):
        value = body.get(name)
        if isinstance(value, str) and len(value) > _LONGEST_USER:
            raise wrong(
                f"Invalid '{name}': string too long. Expected a string with maximum length {_LONGEST_USER}, but got a "
                f"string with length {len(value)} instead.",
                name,
                "string_above_max_length",
            )
    if not isinstance(body.get("metadata") or {}, dict):
        raise wrong("Invalid type for 'metadata': expected an object.", "metadata", "invalid_type")


def _parsed(raw: bytes) -> Json:
    body = json_object(raw)
    if body is None:
        raise wrong("We could not parse the JSON body of your request. The OpenAI API expects a JSON payload.")
    return body


def _known_fields(body: Json, known: frozenset[str]) -> None:
    for name in body:
        if name not in known:
            raise wrong(f"Unknown parameter: '{name}'.", name, "unknown_parameter")


def _model(body: Json) -> str:
    model = body.get("model")
    if not isinstance(model, str) or not model:
        raise wrong("you must provide a model parameter")
    return model


def _numbers(body: Json) -> None:
    for name, (least, most) in _RANGES.items():
        value = body.get(name)
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int if name in _INTEGERS else (int, float)):
            raise wrong(f"Invalid type for '{name}'.", name, "invalid_type")
        if not least <= value <= most:
            kind = "integer_below_min_value" if value < least else "integer_above_max_value"
            raise wrong(f"Invalid '{name}': expected a value between {least} and {most}.", name, kind)


def _stream(body: Json) -> bool:
    stream = body.get("stream")
    if not (stream is None or isinstance(stream, bool)):
        raise wrong("Invalid type for 'stream': expected a boolean.", "stream", "invalid_type")
    return bool(stream)


def _stop(body: Json) -> tuple[str, ...]:
    stop = body.get("stop")
    listed = [] if stop is None else [stop] if isinstance(stop, str) else stop
    if not isinstance(listed, list) or len(listed) > 4 or not all(isinstance(s, str) and s for s in listed):  # noqa: PLR2004 - the documented limit
        raise wrong("Invalid 'stop': expected a string or an array of at most 4 strings.", "stop", "invalid_type")
    return tuple(listed)


def _prefixes(body: Json, model: str, texts: Sequence[str]) -> tuple[Prefix, ...]:
    # What shapes the prompt without being a message stands before the first.
    frame = orjson.dumps([body.get("tools"), body.get("response_format"), body.get("prompt_cache_key")])
    messages = ((orjson.dumps(m), len(text.encode())) for m, text in zip(body["messages"], texts, strict=True))
    return prefixes_of(model, [(frame, 0), *messages], least=_LEAST_CACHED, step=_CACHE_STEP)


def _last_user(messages: Sequence[Json], texts: Sequence[str]) -> str:
    pairs = zip(reversed(messages), reversed(texts), strict=True)
    return next((text for message, text in pairs if message["role"] == "user" and text), "")


def _results(messages: Sequence[Json], texts: Sequence[str]) -> list[str]:
    """What tools answered after the model's last word, in order."""
    found: list[str] = []
    for message, text in zip(reversed(messages), reversed(texts), strict=True):
        if message["role"] not in {"tool", "function"}:
            break
        found.insert(0, text)
    return found


def _images(messages: Sequence[Json]) -> Iterator[str]:
    """Every image is decoded and checked; those of the last user turn are described."""
    seen: list[str] = []
    for i, message in enumerate(messages):
        if message["role"] != "user":
            continue
        content = message["content"]
        parts = content if isinstance(content, list) else []
        seen = [_image(part, i) for part in parts if part["type"] == "image_url"]
    yield from seen


def _image(part: Json, i: int) -> str:
    image = part.get("image_url")
    url = image.get("url") if isinstance(image, dict) else None
    if not isinstance(url, str):
        raise wrong(f"Missing required parameter: 'messages[{i}].content[].image_url.url'.", f"messages[{i}]")
    if not url.startswith("data:"):
        if not url.startswith(("http://", "https://")):
            raise wrong(
                "Invalid image URL: expected a data URL or an http(s) URL.", f"messages[{i}]", "invalid_image_url"
            )
        return "an image behind a link (the sandbox fetches nothing)"
    head, comma, encoded = url[5:].partition(",")
    if not comma or not head.endswith(";base64"):
        raise wrong("Invalid base64 image_url.", f"messages[{i}]", "invalid_base64")
    try:
        return describe(head.removesuffix(";base64"), encoded)
    except UnreadableImageError as error:
        raise wrong(f"You uploaded an unsupported image: {error}.", f"messages[{i}]", "invalid_image_format") from None
