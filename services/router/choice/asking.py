"""What a request asks of the choice: its needs, its size, and what its caller says of the routing."""

from dataclasses import dataclass

from libs.catalog.abilities import Optimize
from libs.contracts.errors import InvalidRequest
from libs.contracts.northern.v1.envelope_pb2 import Envelope
from services.router.choice.known import AUDIO, IMAGES, PRICED, SCHEMA, TOOLS
from services.router.classifier.tasks import TASKS, Task

# Bytes of UTF-8 a token. Low for most prose, so that a prompt is rather taken for too long than sent to a window it
# does not fit; nothing is counted exactly here.
_BYTES_A_TOKEN = 3.6
_BYTES_A_TOKEN_CJK = 2.5
_CJK_FROM = "\u2e80"
_IMAGE_TOKENS = 1_600  # what the makers' own formulas give for a photograph of a megapixel or so

_PROBING = frozenset("048c")  # last digits of an id: a quarter of requests

_TASKS = {task.value: task for task in TASKS}
_MODES = {mode.value: mode for mode in Optimize}


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """One request. `max_tokens` 0: not limited; `task` None: as classified; `session` None: no conversation known.

    `probes`: it is one of the few that may find out whether a route that failed answers again.
    """

    text: str
    needs: int
    prompt_tokens: int
    images: int
    tools: int
    max_tokens: int
    answers: int
    stream: bool
    thinking: bool
    tool_loop: bool
    optimize: Optimize
    task: Task | None
    session: tuple[str, str] | None
    pooled: bool
    probes: bool


def asked(envelope: Envelope) -> Asked:
    """Raises InvalidRequest for a task or a mode that nobody knows."""
    shape, routing = envelope.shape, envelope.routing
    images, tools = shape.images, shape.tools
    needs = PRICED | (IMAGES if images else 0) | (AUDIO if shape.audio else 0)
    needs |= (TOOLS if tools or shape.tool_loop else 0) | (SCHEMA if shape.schema else 0)
    text, session = shape.last_user_turn, shape.session
    return Asked(
        text=text,
        needs=needs,
        prompt_tokens=round(shape.text_bytes / _bytes_a_token(text)) + images * _IMAGE_TOKENS,
        images=images,
        tools=tools,
        max_tokens=shape.max_tokens,
        answers=shape.choices or 1,
        stream=shape.stream,
        thinking=shape.thinking,
        tool_loop=shape.tool_loop,
        optimize=_mode(routing.optimize),
        task=_task(routing.task),
        session=(envelope.tenant, session) if session else None,
        pooled=bool(routing.model_pool),
        probes=envelope.request_id[-1:] in _PROBING,
    )


def _mode(name: str) -> Optimize:
    if not name:
        return Optimize.BALANCED
    if (found := _MODES.get(name)) is None:
        raise InvalidRequest(f"`routing.optimize` must be one of {', '.join(_MODES)}", param="routing.optimize")
    return found


def _task(name: str) -> Task | None:
    if not name:
        return None
    if (found := _TASKS.get(name)) is None:
        raise InvalidRequest(f"`routing.task` must be one of {', '.join(_TASKS)}", param="routing.task")
    return found


def _bytes_a_token(text: str) -> float:
    """By how much of the last turn is written in signs of East Asia; the rest of the prompt is taken to be alike."""
    if not text or text.isascii():
        return _BYTES_A_TOKEN
    signs = sum(sign >= _CJK_FROM for sign in text) / len(text)
    return _BYTES_A_TOKEN + (_BYTES_A_TOKEN_CJK - _BYTES_A_TOKEN) * signs
