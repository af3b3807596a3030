"""From a provider's name of a model to the family it belongs to: wrappings taken off, then patterns that are data."""

import re
from collections.abc import Iterable

from libs.catalog.model import Family
from libs.catalog.profiles import PROFILE

UNKNOWN = "unknown"  # the family that is taken where no pattern matches: see models/others.toml

# What goes before a maker's own name: a resource path (Vertex, an ARN's last part), a profile's region and the maker
# (Bedrock), a folder (Hugging Face); and behind it: Bedrock's version, Vertex's `@default`. Ollama's `:14b` is a size.
_MAKER = re.compile(r"^(anthropic|amazon|meta|mistral|cohere|ai21|qwen|openai|google|nvidia|writer|zai|minimax)\.")
_VERSION = re.compile(r"(-v\d+)?:\d+(:[0-9a-z]+)?$|@(default|latest)$")
_DATE = re.compile(r"@(\d{8})$")
_LONGEST = 300  # characters; no id of a catalogue has more


def plain(model_id: str) -> str:
    """The maker's own name in small letters: of `us.anthropic.claude-opus-4-1-v1:0` it is `claude-opus-4-1`."""
    name = model_id[:_LONGEST].lower().rpartition("/")[2]
    name = _MAKER.sub("", PROFILE.sub("", name))
    return _DATE.sub(r"-\1", _VERSION.sub("", name, count=1)).replace(":", "-")


def match(families: Iterable[Family], model_id: str) -> Family | None:
    """The first family one of whose patterns is found in the plain name; None: nobody knows this model."""
    name = plain(model_id)
    return next((family for family in families if any(pattern.search(name) for pattern in family.patterns)), None)
