"""Where Anthropic's answers hold texts, and their stream with a lane for each block.

What is not restored: names and ids of calls; thoughts and compactions, which are signed and go back as they came;
calls and results of the provider's own tools, which saw the substitutes; citations' offsets, which count characters of
the documents as they were sent.
"""

import re
from typing import Any

from libs.dialects.fields import obj, seq
from services.pii.replies.events import dumped, opened, parsed
from services.pii.replies.restoring import Restorer, Restoring, Whole

_CITED = ("cited_text", "document_title", "title", "source", "url")
_HOSTED = ("server_tool_use", "mcp_tool_use")
# Quotes inside a JSON string are escaped: this finds members, never a part of a text.
_PASSED = re.compile(rb'"delta"\s*:\s*\{\s*"type"\s*:\s*"(?:thinking|signature)_delta"')
_MEMBERS = {"text_delta": "text", "input_json_delta": "partial_json"}


def restore_answer(answer: dict[str, Any], whole: Whole, *, json: bool) -> None:
    """A message, a count or an error."""
    _stopped(answer, whole)
    whole.member(obj(answer.get("error")), "message")
    for block in map(obj, seq(answer.get("content"))):
        _block(block, whole, json=json)


def _stopped(holder: dict[str, Any], whole: Whole) -> None:
    whole.member(holder, "stop_sequence")
    whole.member(obj(holder.get("stop_details")), "explanation")


def _block(block: dict[str, Any], whole: Whole, *, json: bool) -> None:
    match block.get("type"):
        case "text":
            whole.member(block, "text", json=json)
            for citation in map(obj, seq(block.get("citations"))):
                _citation(citation, whole)
        case "tool_use" if block.get("input"):
            whole.value(block, "input")
        case _:
            pass


def _citation(citation: dict[str, Any], whole: Whole) -> None:
    for name in _CITED:
        whole.member(citation, name)


class Events:
    """One stream, event by event. `json`: the caller asked for an answer in JSON."""

    def __init__(self, restoring: Restoring, *, json: bool) -> None:
        self._restoring = restoring
        self._whole = Whole(restoring)
        self._json = json
        self._lanes: dict[tuple[int, str], Restorer] = {}  # by block and type of delta: those that may hold something
        self._hosted: set[int] = set()

    def event(self, event: bytes) -> bytes:
        """What goes out for it. Raises UpstreamError where its data is no JSON."""
        if _PASSED.search(event):
            return event
        found = opened(event)
        if found is None:
            return event
        lead, data, rest = found
        payload = parsed(data)
        self._whole.changed = False
        before = self._read(payload)
        return before + (lead + dumped(payload) + rest if self._whole.changed else event)

    def close(self) -> bytes:
        """What is still held, each lane as a delta of its own."""
        return self._flush([*self._lanes])

    def _read(self, payload: dict[str, Any]) -> bytes:
        """Restored where it stands; what has to be said before this event."""
        match payload.get("type"):
            case "content_block_delta":
                self._delta(_index(payload), obj(payload.get("delta")))
            case "content_block_start":
                self._start(_index(payload), obj(payload.get("content_block")))
            case "content_block_stop":
                index = _index(payload)
                return self._flush([lane for lane in self._lanes if lane[0] == index])
            case "message_delta":
                _stopped(obj(payload.get("delta")), self._whole)
                return self.close()
            case "message_stop" | "error":
                self._whole.member(obj(payload.get("error")), "message")
                return self.close()
            case _:
                pass
        return b""

    def _start(self, index: int, block: dict[str, Any]) -> None:
        if block.get("type") in _HOSTED:
            self._hosted.add(index)
        if block.get("type") == "text":
            self._feed(index, "text_delta", block, "text")
        else:
            _block(block, self._whole, json=self._json)

    def _delta(self, index: int, delta: dict[str, Any]) -> None:
        match delta.get("type"):
            case "text_delta":
                self._feed(index, "text_delta", delta, "text")
            case "input_json_delta" if index not in self._hosted:
                self._feed(index, "input_json_delta", delta, "partial_json")
            case "citations_delta":
                _citation(obj(delta.get("citation")), self._whole)
            case _:
                pass

    def _feed(self, index: int, kind: str, holder: dict[str, Any], name: str) -> None:
        said = holder.get(name)
        if not isinstance(said, str) or not said:
            return
        restorer = self._lanes.get((index, kind))
        if restorer is None:
            json = self._json or kind == "input_json_delta"
            restorer = self._lanes[index, kind] = self._restoring.restorer(json=json)
        self._whole.put(holder, name, restorer.feed(said))

    def _flush(self, lanes: list[tuple[int, str]]) -> bytes:
        out = b""
        for index, kind in lanes:
            if said := self._lanes.pop((index, kind)).flush():
                delta = {"type": kind, _MEMBERS[kind]: said}
                event = {"type": "content_block_delta", "index": index, "delta": delta}
                out += b"event: content_block_delta\ndata: " + dumped(event) + b"\n\n"
        return out


def _index(payload: dict[str, Any]) -> int:
    index = payload.get("index")
    return index if isinstance(index, int) else -1
