"""Where OpenAI's chat completion requests hold texts. What stands in no table here is read as one."""

from services.pii.requests.schemas import schema
from services.pii.requests.spots import Spot
from services.pii.requests.walk import (
    Visit,
    Walk,
    arguments,
    by_type,
    called,
    each,
    file,
    members,
    names,
    opaque,
    strings,
    text,
    texts,
    unread,
    values,
)

# --- content ------------------------------------------------------------------------------------------------------

_MARKS: dict[str, Visit] = {"type": names, "cache_control": names, "prompt_cache_breakpoint": names}
_MEDIA = members(
    dict.fromkeys(("url", "data", "file_data"), unread)
    | dict.fromkeys(("type", "file_id", "detail", "format", "media_type"), names)
)


def _source(walk: Walk, spot: Spot) -> None:
    """An object, or the address by itself."""
    if not isinstance(spot.value, str):
        _MEDIA(walk, spot)


_PARTS: dict[str, Visit] = {}  # filled below: parts hold parts
_content = each(by_type(_PARTS))
_FILE = file(
    {**_MARKS, "detail": names, "url": unread}
    | dict.fromkeys(("image_url", "image", "input_audio", "audio_url", "video_url", "file", "source"), _source)
)
_PARTS |= {
    "text": members({**_MARKS, "text": text}),
    "refusal": members({**_MARKS, "refusal": text}),
    "thinking": members({**_MARKS, "thinking": _content}),  # Mistral's
    **dict.fromkeys(("image_url", "image", "input_image", "input_audio", "audio_url", "video_url", "file"), _FILE),
}

# --- messages -----------------------------------------------------------------------------------------------------

_FUNCTION_CALL = members({"name": names, "arguments": arguments})
_CALL = members(
    {
        **_MARKS,
        "id": names,
        "function": _FUNCTION_CALL,
        "custom": members({"name": names, "input": text}),
        "extra_content": members({"google": members({"thought_signature": opaque})}),
    }
)
_DETAIL: dict[str, Visit] = {
    "type": names,
    "id": names,
    "format": names,
    "data": opaque,
    "signature": opaque,
    "text": text,
    "summary": texts,
}


def _sealed(walk: Walk, spot: Spot) -> None:
    value = spot.value
    if isinstance(value, str):
        walk.seal(spot, value)
    else:
        strings(walk, spot)


_UNSIGNED = members(_DETAIL)
_SIGNED = members({**_DETAIL, "text": _sealed})


def _detail(walk: Walk, spot: Spot) -> None:
    """A signed thought goes back as it came, or its maker refuses it; answers show it with the substitutes in it."""
    value = spot.value
    signature = value.get("signature") if isinstance(value, dict) else None
    (_SIGNED if isinstance(signature, str) and signature else _UNSIGNED)(walk, spot)


_MESSAGE: dict[str, Visit] = {
    "role": names,
    "tool_call_id": names,
    "cache_control": names,
    "name": called,
    "content": _content,
    "refusal": _content,
    "reasoning_content": text,
    "reasoning": text,
    "reasoning_details": each(_detail),
    "tool_calls": each(_CALL),
    "function_call": _FUNCTION_CALL,
    "audio": file({"id": names, "data": unread, "transcript": text}),
}
_FROM_PERSON = members(_MESSAGE)
_FROM_TOOL = members({**_MESSAGE, "name": names})


def _message(walk: Walk, spot: Spot) -> None:
    """The name of a tool is no person's, and the calls speak of it."""
    value = spot.value
    of_tool = isinstance(value, dict) and value.get("role") in ("tool", "function")
    (_FROM_TOOL if of_tool else _FROM_PERSON)(walk, spot)


# --- the request --------------------------------------------------------------------------------------------------

_FUNCTION = members({"name": names, "description": text, "parameters": schema})
_GRAMMAR = members({"definition": text, "syntax": names})
_FORMAT = members({"type": names, "grammar": _GRAMMAR})
_TOOL = members(
    {**_MARKS, "function": _FUNCTION, "custom": members({"name": names, "description": text, "format": _FORMAT})}
)
_ANSWER = members({"name": names, "description": text, "schema": schema})
_PLACE = members({"type": names, "approximate": members({"timezone": names, "country": names})})

_REQUEST: dict[str, Visit] = {
    "messages": each(_message),
    "tools": each(_TOOL),
    "functions": each(_FUNCTION),
    "tool_choice": names,
    "function_call": names,
    "response_format": members({"type": names, "json_schema": _ANSWER, "schema": schema}),
    "prediction": members({"type": names, "content": _content}),
    "stop": texts,
    "user": called,
    "safety_identifier": text,
    "prompt_cache_key": text,
    "metadata": values,
    "web_search_options": members({"search_context_size": names, "user_location": _PLACE}),
    "moderation": names,
    **dict.fromkeys(("model", "service_tier", "reasoning_effort", "verbosity", "modalities", "audio"), names),
    **dict.fromkeys(("prompt_cache_retention", "prompt_cache_options", "cache_control", "reasoning"), names),
}


def request(walk: Walk, spot: Spot) -> None:
    """The body, messages last: what stands before them is the same in every turn, and so are its substitutes then."""
    walk.members(spot, spot.value, _REQUEST, strings, last="messages")
