"""Reads an upstream model catalogue, LiteLLM's price map or models.dev's api.json, into entries of imported.toml."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, DecimalException
from typing import Any

from pydantic import ValidationError

from libs.catalog.upkeep import litellm, models_dev
from libs.catalog.upkeep.amounts import Refused
from libs.catalog.upkeep.imported import ImportedEntry, faults

LARGEST = 64 * 2**20  # bytes
_MOST = 50_000  # models


class UpstreamUnreadable(ValueError):
    """The whole document is of no use; the message says why, in a sentence."""


@dataclass(frozen=True, kw_only=True)
class Harvest:
    """What could be read, and a sentence for each entry that was refused. `other`: those that are no affair of ours."""

    entries: tuple[ImportedEntry, ...]
    refused: tuple[str, ...]
    other: int


def read(text: bytes, *, source: str, checked: date) -> Harvest:
    """The chat models of the providers that we dial. Prices are read as decimals, never as floats.

    Raises UpstreamUnreadable where the document is neither of the two shapes.
    """
    entries: dict[tuple[str, str], ImportedEntry] = {}
    refused: list[str] = []
    other = 0
    for model in _models(_document(text)):
        try:
            fields = model.entry()
            if fields is None:
                other += 1
                continue
            entry = ImportedEntry.model_validate({**fields, "source": source, "checked": checked})
        except Refused as error:
            refused.append(f"{model.name[:120]!r}: {error}")
        except ValidationError as error:
            refused.append(f"{model.name[:120]!r}: {'; '.join(faults(error))}")
        else:
            entries.setdefault(entry.key, entry)  # two of a name: upstream's first
    return Harvest(entries=tuple(entries.values()), refused=tuple(refused), other=other)


def _document(text: bytes) -> dict[str, Any]:
    if len(text) > LARGEST:
        raise UpstreamUnreadable(f"it has more than {LARGEST // 2**20} MiB")
    try:
        document = json.loads(text, parse_float=Decimal, parse_constant=_no_number)
    except (ValueError, RecursionError, DecimalException) as error:
        raise UpstreamUnreadable("it is not JSON") from error
    if not isinstance(document, dict) or not document:
        raise UpstreamUnreadable("it is not an object of models")
    return document


def _no_number(word: str) -> Decimal:
    raise ValueError(f"{word} is no number")


Read = Callable[[str, str, dict[str, Any]], dict[str, Any] | None]


@dataclass(frozen=True, kw_only=True)
class _Model:
    """One model as upstream has it, not yet looked at."""

    name: str  # for messages
    read: Read
    provider: str
    model: str
    fields: Any

    def entry(self) -> dict[str, Any] | None:
        """Its fields in our words; None where it is no affair of ours. Raises Refused."""
        if not isinstance(self.fields, dict):
            raise Refused("it is not an object")
        return self.read(self.provider, self.model, self.fields)


def _models(document: Mapping[str, Any]) -> list[_Model]:
    """Every model. The shape is told from what the entries hold."""
    if any(isinstance(value, dict) and "litellm_provider" in value for value in document.values()):
        found = [
            _Model(name=model, read=litellm.read, provider=_provider_of(fields), model=model, fields=fields)
            for model, fields in document.items()
            if model != "sample_spec"  # the example that explains the fields
        ]
    else:
        found = [
            _Model(name=f"{provider}/{model}", read=models_dev.read, provider=provider, model=model, fields=fields)
            for provider, catalog in document.items()
            if _has_models(catalog)
            for model, fields in catalog["models"].items()
        ]
    if not found:
        raise UpstreamUnreadable("it is neither LiteLLM's price map nor models.dev's api.json")
    if len(found) > _MOST:
        raise UpstreamUnreadable(f"it has more than {_MOST} models")
    return found


def _provider_of(fields: object) -> str:
    provider = fields.get("litellm_provider") if isinstance(fields, dict) else None
    return provider if isinstance(provider, str) else ""


def _has_models(value: object) -> bool:
    return isinstance(value, dict) and isinstance(value.get("models"), dict)
