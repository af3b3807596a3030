"""Where Anthropic's Messages requests, and counts of them, hold texts. What stands in no table here is read as one."""

from services.pii.requests.schemas import schema
from services.pii.requests.spots import Spot
from services.pii.requests.walk import (
    Visit,
    Walk,
    by_type,
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


_BLOCKS: dict[str, Visit] = {}  # filled below: blocks hold blocks
_content = each(by_type(_BLOCKS))
_BLOCK: dict[str, Visit] = {
    **dict.fromkeys(("type", "id", "cache_control", "caller", "tool_use_id", "file_id", "toolset_name"), names),
    **dict.fromkeys(("encrypted_content", "encrypted_index", "encrypted_stdout", "signature"), opaque),
}
_TOLD = members(_BLOCK)  # of what a provider's own tool told: every other member is a text, at whatever depth
_CITATION = members({**_BLOCK, "cited_text": text, "document_title": text, "title": text, "source": text, "url": text})
_MEDIA = members({**_BLOCK, "media_type": names, "url": unread, "data": unread})
_IMAGE = file({**_BLOCK, "source": _MEDIA, "transformations": names})
_FILE = file({**_BLOCK, "media_type": names, "url": unread, "data": unread})


def _document_source(walk: Walk, spot: Spot) -> None:
    value = spot.value
    kind = value.get("type") if isinstance(value, dict) else None
    match kind:
        case "text":
            _PLAIN(walk, spot)
        case "content":
            _MADE_OF_BLOCKS(walk, spot)
        case _:
            _FILE(walk, spot)


def _sealed(walk: Walk, spot: Spot) -> None:
    value = spot.value
    if isinstance(value, str):
        walk.seal(spot, value)
    else:
        strings(walk, spot)


def _signed(member: str) -> Visit:
    """A block whose words go back as they came where they are signed, or its maker refuses them; answers show them
    with the substitutes in them.
    """
    open_, closed = members({**_BLOCK, member: text}), members({**_BLOCK, member: _sealed})

    def visit_signed(walk: Walk, spot: Spot) -> None:
        signature = spot.value.get("signature")
        (closed if isinstance(signature, str) and signature else open_)(walk, spot)

    return visit_signed


def _told(walk: Walk, spot: Spot) -> None:
    """The answer of a provider's own tool: a result, or a list of them, with blocks of the dialect inside."""
    value = spot.value
    if isinstance(value, list):
        walk.items(spot, value, _told)
    elif isinstance(value, dict):
        kind = value.get("type")
        visit = _BLOCKS.get(kind) if isinstance(kind, str) else None
        (visit or _TOLD_DEEPER)(walk, spot)
    else:
        strings(walk, spot)


_PLAIN = members({**_BLOCK, "media_type": names, "data": text})
_MADE_OF_BLOCKS = members({**_BLOCK, "content": _content})
_TOLD_DEEPER = members({**_BLOCK, "error_code": names, "content": _told, "tool_references": _told})
_CALL = members({**_BLOCK, "name": names, "server_name": names, "input": values})
_RESULT = members({**_BLOCK, "content": _content})

_BLOCKS |= {
    "text": members({**_BLOCK, "text": text, "citations": each(_CITATION)}),
    "image": _IMAGE,
    "document": members(
        {**_BLOCK, "source": _document_source, "title": text, "context": text, "citations": each(_CITATION)}
    ),
    "search_result": members({**_BLOCK, "source": text, "title": text, "content": _content}),
    "thinking": _signed("thinking"),
    "redacted_thinking": members({**_BLOCK, "data": opaque}),
    "compaction": _signed("content"),
    "tool_reference": members({**_BLOCK, "tool_name": names}),
    "container_upload": file(_BLOCK),
    "browser_state": _TOLD,
    "fallback": _TOLD,
    **dict.fromkeys(("tool_use", "server_tool_use", "mcp_tool_use"), _CALL),
    **dict.fromkeys(("tool_result", "mcp_tool_result"), _RESULT),
    **dict.fromkeys(
        (
            "web_search_tool_result",
            "web_fetch_tool_result",
            "code_execution_tool_result",
            "bash_code_execution_tool_result",
            "text_editor_code_execution_tool_result",
            "tool_search_tool_result",
            "advisor_tool_result",
        ),
        _TOLD_DEEPER,
    ),
}

# --- the request --------------------------------------------------------------------------------------------------

_TOOL = members(
    {
        **dict.fromkeys(("type", "name", "cache_control", "allowed_callers"), names),
        "description": text,
        "input_schema": schema,
        "input_examples": values,
        "user_location": members({"type": names, "timezone": names, "country": names}),
    }
)
_MESSAGE = members({"role": names, "content": _content, "cache_control": names})
_FORMAT = members({"type": names, "schema": schema})
_MCP_SERVER = members({"type": names, "name": names, "authorization_token": opaque, "tool_configuration": names})

_REQUEST: dict[str, Visit] = {
    "messages": each(_MESSAGE),
    "system": _content,
    "tools": each(_TOOL),
    "stop_sequences": texts,
    "metadata": values,
    "output_config": members({"effort": names, "format": _FORMAT}),
    "output_format": _FORMAT,
    "mcp_servers": each(_MCP_SERVER),
    "container": names,
    **dict.fromkeys(("model", "tool_choice", "thinking", "service_tier", "speed", "inference_geo"), names),
    **dict.fromkeys(("cache_control", "anthropic_version", "anthropic_beta", "user_profile_id", "workspace_id"), names),
}


def request(walk: Walk, spot: Spot) -> None:
    """The body, messages last: what stands before them is the same in every turn, and so are its substitutes then."""
    walk.members(spot, spot.value, _REQUEST, strings, last="messages")
