"""Addresses of machines, out of what is set aside for documentation, and the personal parts of URLs."""

import ipaddress
import re
from collections.abc import Callable, Iterator
from urllib.parse import unquote

from services.pii.substitutes.choosing import Choices
from services.pii.substitutes.people import People
from services.pii.substitutes.prompt import DOCUMENTATION
from services.pii.substitutes.shapes import reshape

_IPV4 = re.compile(r"(?<![\d.])(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})(?![\d]|\.\d)")
_IPV6 = re.compile(r"[0-9A-Fa-f:]*:[0-9A-Fa-f:.]+")
_DOCUMENTATION = tuple(network[:-1] for network in DOCUMENTATION[:3])
_BENCHMARK = 512
_PERCENT = re.compile(r"%[0-9A-Fa-f]{2}")
_EMAIL = re.compile(r"[\w.+%-]{1,64}(?:@|%40)[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")
_QUERY_VALUE = re.compile(r"(?<==)[^&#;\s]+")
_PERSONAL = re.compile(
    rf"(?P<email>{_EMAIL.pattern})"
    r"|(?<=/)(?P<under>(?i:users?|u|people|profiles?|in|members?|accounts?|clients?|customers?|comptes?)/)(?P<who>[^/?#\s]+)"
    r"|(?<=/)(?P<sign>[@~])(?P<handle>[\w.-]{2,})"
    r"|(?<![^\W_])(?P<id>(?=[0-9A-Za-z]*\d)[0-9A-Za-z]{3,})(?![^\W_])"
)
_HOST = re.compile(r"(?:[a-zA-Z][\w+.-]*://)?(?:[^/?#\s@]*@)?[^/?#\s]+")
_LONG_ID = 6


class Networks:
    """The machine addresses and account URLs of one request."""

    def __init__(self, choices: Choices, people: People) -> None:
        self._choices = choices
        self._people = people
        self._networks: dict[str, str] = {}
        self._taken: set[str] = set()
        self._made: dict[str, str] = {}

    def address(self, text: str) -> str:
        """One network of 256 for one network of 256; private and documentation addresses stay."""
        out = _IPV4.sub(lambda m: self._once(m.group(), self._four), text)
        if out == text and ":" in text:
            out = _IPV6.sub(lambda m: self._once(m.group(), self._six), text)
        if out != text:
            self._choices.aliases.add(out, text)
        return out

    def url(self, text: str) -> str:
        """Only what names somebody: e-mail addresses, values of the query, user names and numbers in the path."""
        host = _HOST.match(text)
        begun = host.end() if host else 0
        base, rest = text[:begun], text[begun:]
        if "@" in base:
            scheme, _, authority = base.rpartition("//")
            user, _, name = authority.rpartition("@")
            base = f"{scheme}{'//' if scheme else ''}{self._value(user)}@{name}"
        out = base + self._path(rest)
        if out == text:
            out = base + self._last(rest) if rest.strip("/") else text
        if out != text:
            self._choices.aliases.add(out, text)
        return out

    def _path(self, text: str) -> str:
        path, mark, query = text.partition("?")
        return _PERSONAL.sub(self._part, path) + mark + _QUERY_VALUE.sub(lambda m: self._value(m.group()), query)

    def _part(self, found: re.Match[str]) -> str:
        email, under, who, sign, handle, number = found.group("email", "under", "who", "sign", "handle", "id")
        if email:
            return self._email(email)
        if number:
            return self._id(number)
        return str(under or sign) + self._value(who or handle)

    def _value(self, value: str) -> str:
        if _EMAIL.fullmatch(value):
            return self._email(value)
        if any(c.isdecimal() for c in value):
            return self._id(value)
        return "".join(self._people.name(part) for part in re.split(r"([\W_]+)", value))

    def _email(self, value: str) -> str:
        escaped = "@" not in value
        made = self._people.email(unquote(value) if escaped else value)
        return made.replace("@", "%40") if escaped else made

    def _id(self, value: str) -> str:
        known = self._made.get(value)
        if known is not None:
            return known
        out = self._made[value] = self._choices.pick(
            lambda attempt: _encoded_as(value, reshape(self._choices, "url id", value, attempt, hexadecimal=True)),
            value,
        )
        if len(value) >= _LONG_ID:
            self._choices.aliases.offer(lambda: [(out, value)])
        return out

    def _last(self, rest: str) -> str:
        """Nothing in it looks personal, yet it is: its last word."""
        words = list(re.finditer(r"[^\W\d_]{2,}", rest))
        if not words:
            return rest
        last = words[-1]
        return rest[: last.start()] + self._people.phrase(last.group()) + rest[last.end() :]

    def _once(self, text: str, substitute: Callable[[str], str]) -> str:
        known = self._made.get(text)
        if known is None:
            known = self._made[text] = substitute(text)
        return known

    def _four(self, text: str) -> str:
        if not _is_public(text):
            return text
        network = text.rpartition(".")[0]

        def draw(attempt: int) -> str:
            # A network whose hosts collide with the prompt's own is left for another.
            return f"{self._network(network, attempt // 4)}.{self._choices.number('ip host', text, attempt) % 254 + 1}"

        return self._choices.pick(draw, text, self._choices.address_is_free)

    def _network(self, network: str, round_: int) -> str:
        key = network if round_ == 0 else f"{network}#{round_}"
        known = self._networks.get(key)
        if known is None:
            number = self._choices.number("ip network", key)
            full = len(self._taken) >= _BENCHMARK
            known = next(n for n in _networks(number) if n not in self._taken or (full and n not in _DOCUMENTATION))
            self._networks[key] = known
            self._taken.add(known)
        return known

    def _six(self, text: str) -> str:
        try:
            address = ipaddress.IPv6Address(text)
        except ValueError:
            return text
        if not address.is_global:
            return text
        packed = address.packed.hex()

        def draw(attempt: int) -> str:
            network = self._choices.number("ip6 network", packed[:16], attempt // 4)
            host = self._choices.number("ip6 host", packed, attempt)
            drawn = f"2001:db8:{network % 65535 + 1:x}:{network // 65536 % 65535 + 1:x}::{host % 65535 + 1:x}"
            return drawn.upper() if text.isupper() else drawn

        return self._choices.pick(draw, text)


def _encoded_as(value: str, made: str) -> str:
    """What is made of a value, as long, with the value's own encoded signs (`%2D`) where they stand."""
    for found in _PERCENT.finditer(value):
        made = made[: found.start()] + found.group() + made[found.end() :]
    return made


def _networks(number: int) -> Iterator[str]:
    """Every network there is to give, from the one that the number says."""
    for n in range(len(_DOCUMENTATION)):
        yield _DOCUMENTATION[(number + n) % len(_DOCUMENTATION)]
    for n in range(number, number + _BENCHMARK):
        yield f"198.{18 + n % _BENCHMARK // 256}.{n % 256}"


def _is_public(text: str) -> bool:
    """Whether four numbers are an address somebody may have: not private, shared, local, set aside or multicast."""
    first, second, third, fourth = (int(part) for part in text.split("."))
    if max(first, second, third, fourth) > 255 or first in {0, 10, 127} or first > 223:  # noqa: PLR2004
        return False
    match first, second:
        case (169, 254) | (192, 168) | (198, 18 | 19):
            return False
        case 172, _:
            return not 16 <= second < 32  # noqa: PLR2004 - RFC 1918
        case 100, _:
            return not 64 <= second < 128  # noqa: PLR2004 - RFC 6598
        case _:
            return f"{first}.{second}.{third}" not in _DOCUMENTATION
