"""A provider's stream in OpenAI's chat format: chunks in, events of the form out, one block after the other."""

from dataclasses import dataclass, field
from typing import Any, Literal

from libs.contracts.errors import NorthernError, UpstreamError
from libs.dialects import failures
from libs.dialects.fields import count, obj, seq, string
from libs.dialects.form import (
    BlockStop,
    Event,
    Failure,
    Logprobs,
    ReasoningDelta,
    Stop,
    TextDelta,
    ToolCallDelta,
    ToolCallStart,
    Usage,
    UsageEvent,
)
from libs.dialects.openai_chat.answer import (
    google_signature,
    minted_id,
    read_logprobs,
    stop_reason,
    words,
    written_arguments,
)
from libs.dialects.openai_chat.errors import read_failure
from libs.dialects.openai_chat.messages import parsed_arguments
from libs.dialects.openai_chat.usage import told_usage

_NONE = "null"  # what some servers write for a tool without parameters


@dataclass(kw_only=True, slots=True)
class _Block:
    """Text, a thought or a call; `waiting` is what came while another was open, `index` -1 until it is open itself."""

    kind: Literal["text", "thought", "call"]
    index: int = -1
    waiting: list[str] = field(default_factory=list)
    id: str = ""
    given_id: str = ""
    name: str = ""
    signature: str = ""
    arguments: list[str] = field(default_factory=list)
    looked: int = 0  # fragments of the arguments when they were last found incomplete

    def over(self) -> bool:
        """Whether another may follow: a call's arguments are whole. They may come in turns with those of the next."""
        if self.kind != "call":
            return True
        if len(self.arguments) == self.looked:
            return False
        self.looked = len(self.arguments)
        return self.whole()

    def whole(self) -> bool:
        written = "".join(self.arguments)
        return written.rstrip().endswith("}") and parsed_arguments(written) is not None


class StreamDecoder:
    """The first choice's chunks. `started`: the model has said something; `finished`: it has its finish reason.

    A stream that ends while neither `finished` nor `error` is set was cut. What is no JSON (`data: [DONE]`, comments)
    never comes here: whoever takes the events apart keeps it.
    """

    def __init__(self) -> None:
        self.started = False
        self.finished = False
        self.usage: Usage | None = None
        self.output_bytes = 0
        self.error: NorthernError | None = None
        self._blocks: list[_Block] = []  # the first is open, the others wait for its end
        self._calls: dict[int, _Block] = {}
        self._last_call: _Block | None = None
        self._number_of_calls = 0
        self._next = 0
        self._refused = False

    def feed(self, kind: str, payload: dict[str, Any]) -> list[Event]:
        """One chunk; `kind` is the event's name, which only errors have. Nothing follows a Failure."""
        if self.error is not None:
            return []
        failure = read_failure(payload)
        if failure is None and kind == "error":
            failure = UpstreamError(failures.clean(string(payload.get("message"))) or "The provider failed; try again.")
        if failure is not None:
            return self._fail([], failure)
        events: list[Event] = []
        try:
            for each in seq(payload.get("choices")):
                # Azure's first chunk and everyone's usage have no choice; further choices were not asked for.
                choice = obj(each)
                if not self.finished and count(choice.get("index")) == 0:
                    self._choice(payload, choice, events)
        except NorthernError as error:
            return self._fail(events, error)
        self._count_usage(payload, events)
        return events

    def _fail(self, events: list[Event], error: NorthernError) -> list[Event]:
        self.error = error
        return [*events, Failure(error=error)]

    def _count_usage(self, payload: dict[str, Any], events: list[Event]) -> None:
        """On the last choice's chunk, on one of its own or in every chunk: the last word replaces the others."""
        usage = told_usage(payload)
        if usage is not None and usage != self.usage:
            self.usage = usage
            events.append(UsageEvent(usage=usage))

    def _choice(self, payload: dict[str, Any], choice: dict[str, Any], events: list[Event]) -> None:
        delta = obj(choice.get("delta"))
        alone, said = len(delta) == 1, delta.get("content")  # as nearly all of them come
        if alone and said and isinstance(said, str):
            self._say("text", said, events)
        elif not (alone and "tool_calls" in delta):
            self._words(delta, events)
        if "tool_calls" in delta or "function_call" in delta:
            self._called(payload, delta, events)
        if (logprobs := choice.get("logprobs")) and (tokens := read_logprobs(logprobs)):
            events.append(Logprobs(tokens=tokens))
        if finish := choice.get("finish_reason"):
            self._finish(finish, events)

    def _words(self, delta: dict[str, Any], events: list[Event]) -> None:
        thought, said = words(delta)
        if thought:
            self._say("thought", thought, events)
        if refusal := string(delta.get("refusal")):
            self._refused = True
            said += refusal
        if said:
            self._say("text", said, events)

    def _called(self, payload: dict[str, Any], delta: dict[str, Any], events: list[Event]) -> None:
        calls = [obj(call) for call in seq(delta.get("tool_calls"))]
        if legacy := obj(delta.get("function_call")):
            calls.append({"index": 0, "function": legacy})
        for call in calls:
            self._call(payload, call, events)

    # --- blocks ---------------------------------------------------------------------------------------------------

    def _say(self, kind: Literal["text", "thought"], said: str, events: list[Event]) -> None:
        blocks = self._blocks
        if not blocks or blocks[-1].kind != kind:
            blocks.append(_Block(kind=kind))
        self._wrote(said)
        blocks[-1].waiting.append(said)
        self._release(events)

    def _call(self, payload: dict[str, Any], call: dict[str, Any], events: list[Event]) -> None:
        """A fragment of a call, known by its index; the first holds id and name."""
        function = obj(call.get("function"))
        name, given_id = string(function.get("name")), string(call.get("id"))
        block = self._known(call, given_id, name)
        if block is None:
            id_ = given_id or minted_id(payload, self._number_of_calls)
            block = _Block(kind="call", id=id_, given_id=given_id, signature=google_signature(call))
            self._number_of_calls += 1
            self._blocks.append(block)
            self._last_call = block
            if isinstance(at := call.get("index"), int):
                self._calls[at] = block
        block.name = block.name or name
        fragment = written_arguments(function.get("arguments"))
        if fragment and not (fragment == _NONE and not block.arguments):
            self._wrote(fragment)
            block.waiting.append(fragment)
            block.arguments.append(fragment)
        self.started = True
        self._release(events)

    def _known(self, call: dict[str, Any], given_id: str, name: str) -> _Block | None:
        """The call that this fragment goes on with. Some servers give every call the index 0, or none."""
        at = call.get("index")
        block = self._calls.get(at) if isinstance(at, int) else self._last_call
        if block is None or not name:
            return block
        if given_id and block.given_id:
            return block if given_id == block.given_id else None
        # Without ids a name alone tells that the next call begins, for some repeat it with every fragment.
        return None if block.name and not given_id and block.whole() else block

    def _wrote(self, said: str) -> None:
        self.started = True
        self.output_bytes += len(said.encode("utf-8", "replace"))

    def _release(self, events: list[Event]) -> None:
        """What the open block has to say; where it is over and another waits, that one's turn."""
        blocks = self._blocks
        self._said(blocks[0], events)
        while len(blocks) > 1 and blocks[0].index >= 0 and blocks[0].over():
            events.append(BlockStop(index=blocks.pop(0).index))
            self._said(blocks[0], events)

    def _said(self, block: _Block, events: list[Event]) -> None:
        if block.index < 0:
            if block.kind == "call" and not block.name:
                return  # its name is still to come
            self._open(block, events)
        at, waiting, block.waiting = block.index, block.waiting, []
        for said in waiting:
            match block.kind:
                case "text":
                    events.append(TextDelta(index=at, text=said))
                case "thought":
                    events.append(ReasoningDelta(index=at, text=said))
                case "call":
                    events.append(ToolCallDelta(index=at, json=said))

    def _open(self, block: _Block, events: list[Event]) -> None:
        if block.signature:
            events += [ReasoningDelta(index=self._next, redacted=block.signature), BlockStop(index=self._next)]
            self._next += 1
        block.index = self._next
        self._next += 1
        if block.kind == "call":
            events.append(ToolCallStart(index=block.index, id=block.id, name=block.name))

    def _finish(self, finish: object, events: list[Event]) -> None:
        reason = stop_reason(finish, called=self._last_call is not None, refused=self._refused)
        for block in self._blocks:
            self._said(block, events)
            if block.index < 0:
                raise UpstreamError("The provider's answer calls a tool without a name; try again.")
            events.append(BlockStop(index=block.index))
        self._blocks.clear()
        self._calls.clear()
        self.finished = True
        events.append(Stop(reason=reason))
