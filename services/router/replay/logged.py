"""Decisions as the request log holds them: what was asked as far as it is known, what was chosen, what came of it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from libs.catalog.abilities import Optimize
from services.router.choice.asking import Asked
from services.router.choice.choosing import Reason
from services.router.choice.judging import Judged, judged, usual
from services.router.choice.known import IMAGES, PRICED
from services.router.classifier.tasks import Complexity, Task

_FALLBACK = "fallback"


@dataclass(frozen=True, kw_only=True, slots=True)
class Logged:
    """One decision. `route` is what answered; amounts are in the account's currency, times in ms (None: not known)."""

    asked: Asked
    judged: Judged
    chosen: str
    route: str
    reason: str
    propensity: float
    completed: bool
    cost: float
    latency_ms: float | None


def read_rows(rows: Iterable[Mapping[str, Any]]) -> list[Logged]:
    """Those that `auto` decided and whose first choice answered. Raises ValueError for what is no request log.

    Rows of named models are left out, and so are fallbacks: they name who answered, not who was chosen.
    """
    found = []
    for n, row in enumerate(rows, 1):
        try:
            routing = row.get("routing")
            if routing and routing["reason"] != _FALLBACK:
                found.append(_read(row, routing))
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"row {n} is not one of the request log: {error}") from None
        except ValueError as error:
            raise ValueError(f"row {n}: {error}") from None
    return found


def _read(row: Mapping[str, Any], routing: Mapping[str, Any]) -> Logged:
    """Tools, schemas, limits and conversations are not on the log: the request is taken to have had none."""
    images = int(row["image_parts"] or 0)
    override = routing["reason"] == Reason.OVERRIDE
    task, propensity = Task(routing["task"]), float(routing["propensity"])
    if not 0 < propensity <= 1:
        raise ValueError("its propensity is no probability")
    asked = Asked(
        text="",
        needs=PRICED | (IMAGES if images else 0),
        prompt_tokens=int(row["prompt_tokens"]),
        images=images,
        tools=0,
        max_tokens=0,
        answers=1,
        stream=bool(row.get("stream")),
        thinking=False,
        tool_loop=False,
        optimize=Optimize(routing["optimize"]),
        task=task if override else None,
        session=None,
        pooled=False,
        probes=False,
    )
    meant = usual(task, float(routing["confidence"]), Complexity(routing["complexity"]))
    return Logged(
        asked=asked,
        judged=judged(asked, meant, meant),
        chosen=str(routing["model"]),
        route=str(row["route"]),
        reason=str(routing["reason"]),
        propensity=propensity,
        completed=row["status"] == "completed",
        cost=float(row["cost"]),
        latency_ms=None if row["latency_ms"] is None else float(row["latency_ms"]),
    )
