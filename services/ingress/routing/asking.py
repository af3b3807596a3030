"""What a request, or its key, says of the choice among models: `routing`, read and bounded; pure."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from libs.auth.records import OptimizeMode
from libs.contracts.errors import InvalidRequest
from libs.contracts.northern.v1.envelope_pb2 import RoutingAsk

AUTO: Final = "auto"
MODES: Final = tuple(mode.value for mode in OptimizeMode)
STICKY: Final = ("auto", "off")
MAX_POOL: Final = 64
MAX_NAME: Final = 256
MAX_TASK: Final = 64
_NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}", re.ASCII)
_MEMBERS: Final = ("model_pool", "optimize", "task", "sticky")
_FOR_AUTO: Final = "`routing` says how `auto` chooses; ask for the model `auto`, or leave it out"


def wanted(given: Any, model: str, *, pool: Sequence[str], optimize: str) -> tuple[RoutingAsk | None, bool]:
    """What `auto` is to go by, and whether the conversation may hold it to a model; None: the model is named.

    `pool` and `optimize` are the key's: the request's take their place. Raises InvalidRequest naming the member.
    """
    if given is not None and not isinstance(given, dict):
        raise InvalidRequest("`routing` must be an object", param="routing")
    if model != AUTO:
        if given is not None:
            raise InvalidRequest(_FOR_AUTO, param="routing")
        return None, True
    said: Mapping[str, Any] = given or {}
    for name in said:
        if name not in _MEMBERS:
            raise InvalidRequest(
                f"`routing` has no such member; it has {', '.join(_MEMBERS)}",
                param=f"routing.{name}" if _NAME.fullmatch(name) else "routing",
            )
    asked = RoutingAsk(
        model_pool=pool if said.get("model_pool") is None else _pool(said["model_pool"]),
        optimize=_one_of(said, "optimize", MODES) or optimize,
        task=_task(said.get("task")),
    )
    return asked, _one_of(said, "sticky", STICKY) != "off"


def _pool(value: Any) -> list[str]:
    """Each name once, in the order given. Which of them there are, the router knows."""
    param = "routing.model_pool"
    if not isinstance(value, list) or not value:
        raise InvalidRequest(f"`{param}` must name at least one model; leave it out to choose from all", param=param)
    if len(value) > MAX_POOL:
        raise InvalidRequest(f"`{param}` names more than {MAX_POOL} models", param=param)
    if not all(isinstance(name, str) and 0 < len(name) <= MAX_NAME and name.isprintable() for name in value):
        raise InvalidRequest(f"`{param}` must hold names of 1 to {MAX_NAME} characters", param=param)
    if AUTO in value:
        raise InvalidRequest(f"`{param}` is what `auto` chooses from; it cannot hold `auto`", param=param)
    return list(dict.fromkeys(value))


def _one_of(said: Mapping[str, Any], name: str, known: Sequence[str]) -> str:
    value = said.get(name)
    if value is None:
        return ""
    if value not in known:
        raise InvalidRequest(f"`routing.{name}` must be one of {', '.join(known)}", param=f"routing.{name}")
    return str(value)


def _task(value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str) or not 0 < len(value) <= MAX_TASK or not (value.isascii() and value.isprintable()):
        raise InvalidRequest(
            f"`routing.task` must be a task's name of 1 to {MAX_TASK} characters, such as code_generation",
            param="routing.task",
        )
    return value
