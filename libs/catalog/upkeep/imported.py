"""imported.toml: what upstream model catalogues say of models, kept apart from what was entered by hand."""

import json
import tomllib
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError

from libs.catalog.entries import Amount, Entry, Id, LongEntry, Name, Tokens, Words
from libs.catalog.load import CatalogError

FILE = "imported.toml"
_LARGEST = 32 * 2**20  # bytes
_HEAD = """\
# What upstream model catalogues say, one line a model: written by `ni catalog import`, read by `ni catalog sync` when a
# provider's list names a model that has no route. No service reads it. Prices are for a million tokens, and unverified
# until somebody compares them with the vendor's page and sets verified = true; such a line no import touches.
imported = [
"""


class ImportedEntry(Entry):
    """One model of one provider. What upstream does not say is not there; no price is never a price of nothing."""

    provider: Name  # in lower case, as the egresses' `provider`
    model: Id
    context_window: Tokens | None = None
    max_output_tokens: Tokens | None = None
    supports_vision: bool | None = None
    supports_function_calling: bool | None = None
    supports_reasoning: bool | None = None
    structured_outputs: bool | None = None
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = "USD"
    input: Amount | None = None
    cache_read: Amount | None = None
    cache_write_5m: Amount | None = None
    cache_write_1h: Amount | None = None
    output: Amount | None = None
    long: LongEntry | None = None
    released: date | None = None
    retires: date | None = None
    source: Words
    checked: date
    verified: bool = False

    @property
    def key(self) -> tuple[str, str]:
        return self.provider, self.model

    @property
    def priced(self) -> bool:
        """Whether both prices that every call needs are known, and neither is nothing."""
        return bool(Decimal(self.input or 0) and Decimal(self.output or 0))


Imported = Mapping[tuple[str, str], ImportedEntry]


def read(folder: Path) -> Imported:
    """The entries by provider and model; nothing where there is no file. Raises CatalogError."""
    try:
        text = (folder / FILE).read_bytes()
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise CatalogError([f"{FILE}: it cannot be read ({error.strerror})"]) from error
    if len(text) > _LARGEST:
        raise CatalogError([f"{FILE}: it has more than {_LARGEST // 2**20} MiB"])
    try:
        document = tomllib.loads(text.decode())
    except (ValueError, RecursionError) as error:
        raise CatalogError([f"{FILE}: it is not TOML ({error})"]) from error
    raw = document.get("imported", [])
    if set(document) - {"imported"} or not isinstance(raw, list):
        raise CatalogError([f"{FILE}: it holds one list, `imported`, and nothing else"])
    entries: dict[tuple[str, str], ImportedEntry] = {}
    problems: list[str] = []
    for n, fields in enumerate(raw, 1):
        try:
            entry = ImportedEntry.model_validate(fields)
        except ValidationError as error:
            problems += [f"{FILE}: entry number {n}: {told}" for told in faults(error)]
            continue
        if entry.key in entries:
            problems.append(f"{FILE}: entry number {n}: there is another one of this provider and model")
        entries[entry.key] = entry
    if problems:
        raise CatalogError(problems)
    return entries


def merged(old: Imported, new: Iterable[ImportedEntry]) -> dict[tuple[str, str], ImportedEntry]:
    """New entries in the place of old ones, but not of verified ones; what upstream no longer names stays, dated."""
    kept = {key: entry for key, entry in old.items() if entry.verified}
    return {**old, **{entry.key: entry for entry in new}, **kept}


def render(entries: Imported) -> str:
    """The file's text, sorted, so that an import that changes nothing changes no byte."""
    lines = [
        f"  {inline(entries[key].model_dump(exclude_unset=True, exclude_none=True))},\n" for key in sorted(entries)
    ]
    return f"{_HEAD}{''.join(lines)}]\n"


def inline(fields: Mapping[str, object]) -> str:
    """An inline table of TOML."""
    return "{ " + ", ".join(f"{name} = {value_of(value)}" for name, value in fields.items()) + " }"


def value_of(value: object) -> str:
    """One value as TOML writes it. A JSON string of visible ASCII is a TOML string."""
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case date():
            return value.isoformat()
        case Mapping():
            return inline(value)
        case list() | tuple():
            return "[" + ", ".join(value_of(item) for item in value) + "]"
        case _:
            return json.dumps(str(value))


def faults(error: ValidationError) -> list[str]:
    """Each fault as `field: what is wrong`, without the value."""
    return [
        f"{'.'.join(str(part)[:80] for part in fault['loc']) or 'the entry'}: {fault['msg']}"
        for fault in error.errors(include_input=False, include_url=False)
    ]
