"""Whether an address keeps an egress's region claim, and whether this environment sets it up: pure questions."""

from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

from libs.catalog.model import Egress

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


def _matches(host: str, patterns: Iterable[str]) -> bool:
    for pattern in patterns:
        if pattern.startswith("*."):
            if host.endswith(pattern[1:]) and host != pattern[1:]:
                return True
        elif host and host == pattern:
            return True
    return False
