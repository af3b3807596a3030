"""Whether an address keeps an egress's region claim, and whether this environment sets it up: pure questions."""

import re
from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

from libs.catalog.model import Egress, Wire

# Who issues the credentials that a format is called with, and where alone they are sent.
_ISSUERS: Mapping[Wire, tuple[str, str]] = {
    Wire.OPENAI: ("openai", "api.openai.com"),
    Wire.AZURE: ("azure", "*.openai.azure.com"),
    Wire.ANTHROPIC: ("anthropic", "api.anthropic.com"),
    Wire.BEDROCK: ("bedrock", "*.amazonaws.com"),
    Wire.VERTEX: ("vertex", "*.googleapis.com"),
}
_SLOT = re.compile(r"\{([a-z]+)\}")
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)  # RFC 1123 §2.1
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


def host_of(url: str) -> str:
    """The host of a URL in lower case, without port; empty where there is none."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:  # such as an unclosed bracket
        return ""


def is_custom(egress: Egress, base_url: str) -> bool:
    """Whether an address takes the egress out of its region claim: another host than its own and the declared ones.

    A resource name filled into a template (Azure's) says nothing of its region, so it counts as another host; so does
    plain HTTP, which anybody on the way may answer, to anything but this machine.
    """
    host = host_of(base_url)
    if not base_url.lower().startswith("https://") and host not in LOOPBACK:
        return True
    return not _matches(host, (host_of(egress.base_url), *egress.declared_hosts))


def missing(egress: Egress, environ: Mapping[str, str]) -> str | None:
    """Why the egress cannot be used in this environment, in a sentence for the caller; None where it can."""
    if any(all(environ.get(name) for name in names) for names in egress.credentials):
        return None
    ways = " or ".join(" and ".join(names) for names in egress.credentials)
    return f"{egress.provider} is not set up here: the operator has to set {ways}"


def takes_credential_of(egress: Egress) -> str | None:
    """The provider, as accounts call it (docs/byok.md), whose own credential opens an egress; None where none can.

    A format is spoken by many, so the catalogue's address counts as well: a credential goes to whom it is of.
    """
    name, host = _ISSUERS[egress.wire]
    return name if _matches(host_of(egress.base_url), (host,)) else None


def filled(egress: Egress, slots: Mapping[str, str]) -> str | None:
    """The catalogue's own address with its slots filled; None where it has no slots.

    Raises ValueError where a slot is left empty, or would be filled with more than one label of a host's name.
    """
    if "{" not in egress.base_url:
        return None
    values = {name: slots.get(name, "") for name in _SLOT.findall(egress.base_url)}
    if not all(_LABEL.fullmatch(value) for value in values.values()):
        raise ValueError(f"the address of {egress.name} has slots that this does not fill")
    return _SLOT.sub(lambda found: values[found[1]], egress.base_url)


def _matches(host: str, patterns: Iterable[str]) -> bool:
    for pattern in patterns:
        if pattern.startswith("*."):
            if host.endswith(pattern[1:]) and host != pattern[1:]:
                return True
        elif host and host == pattern:
            return True
    return False
