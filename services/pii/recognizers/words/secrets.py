"""Secrets: keys of known issuers by their prefix, key blocks, and values that a word calls a password or a key."""

import re

from ahocorasick_rs import AhoCorasick, MatchKind

from services.pii.entities import EntityType
from services.pii.recognizers.hits import Hit
from services.pii.recognizers.phrases import Cue
from services.pii.recognizers.reading import Reading

_AMAZON_LEAST = 11
# Prefixes as their issuers document them and the least that follows; a key cut short is still most of a key.
_PREFIXES = {
    **dict.fromkeys(("sk_live_", "sk_test_", "rk_live_", "rk_test_", "pk_live_", "pk_test_", "whsec_"), 10),
    **dict.fromkeys(("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "gldt-", "glptt-"), 10),
    **dict.fromkeys(("AKIA", "ASIA", "ABIA", "ACCA"), _AMAZON_LEAST),
    **dict.fromkeys(("xoxa-", "xoxb-", "xoxp-", "xoxr-", "xoxs-", "xoxe-", "xoxe.", "xapp-"), 10),
    **dict.fromkeys(("AIza", "ya29.", "GOCSPX-", "pypi-", "SG.", "hvs.", "hvb.", "atlasv1.", "eyJ"), 16),
    **dict.fromkeys(("dop_v1_", "doo_v1_", "shpat_", "shpca_", "shpss_", "sq0atp-", "sq0csp-", "AGE-SECRET-KEY-"), 10),
    **dict.fromkeys(("gsk_", "pplx-", "xai-", "nvapi-", "tvly-", "lin_api_", "ntn_", "figd_", "dckr_pat_"), 12),
    **dict.fromkeys(("ni_live_", "ni_test_", "PMAK-", "sntrys_", "glc_", "glsa_", "NRAK-", "rubygems_", "CFPAT-"), 10),
    **dict.fromkeys(("sbp_", "phc_", "phx_", "vercel_", "rnd_", "r8_", "npm_", "hf_", "secret_", "tfp_", "sk-"), 14),
    **dict.fromkeys(("xoxc-", "xoxd-", "xkeysib-", "xsmtpsib-", "shppa_", "sq0idp-", "glrt-", "glcbt-", "glft-"), 10),
    **dict.fromkeys(("tskey-", "pul-", "nfp_", "pscale_tkn_", "pscale_pw_", "sb_secret_", "ATATT3x", "dt0c01."), 14),
    **dict.fromkeys(("apify_api_", "pcsk_", "rzp_live_", "rzp_test_", "APP_USR-", "RGAPI-", "dckr_oat_", "dp.pt."), 14),
    **dict.fromkeys(("key-", "dapi", "EAAA", "fo1_", "FlyV1 fm2_", "lsv2_pt_", "lsv2_sk_", "jina_", "co_"), 30),
}
_BODY = re.compile(r"[A-Za-z0-9_\-.=/+]{10,4096}")
_AMAZON = re.compile(r"A[KSBC][IC]A[A-Z0-9]{16}")  # may be letters alone
_TWILIO = re.compile(r"(?<![A-Za-z0-9])(?:AC|SK)[0-9a-f]{32}(?![0-9A-Za-z])")
_AMAZON_SECRET = re.compile(r"(?<![A-Za-z0-9/+=])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])")  # never far from its id
_AMAZON_REACH = 240
_TELEGRAM = re.compile(r"(?<![0-9A-Za-z])[0-9]{8,10}:AA[A-Za-z0-9_-]{33}(?![A-Za-z0-9_-])")
_BEGIN = "-----BEGIN "
_BLOCK = re.compile(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY[A-Z0-9 ]{0,40}-----")
_LONGEST_BLOCK = 16_384
_HOOK = re.compile(
    r"https://(?:hooks\.slack\.com/(?:services|workflows)|discord(?:app)?\.com/api/webhooks)/[\w/\-]{20,200}"
)
_BEARER = re.compile(r"(?:Bearer|Basic) ([A-Za-z0-9_\-.=/+~]{16,2000})")
_BETWEEN = re.compile(
    r"[\"'\])]{0,2}(?:[ \t]{1,3}(?:for|pour|of|de|du)[ \t][\w.@\-]{1,40}"
    r"|[ \t](?:temporaire|provisoire|actuel(?:le)?|initiale?|par defaut|temporary|current|default))?"
    r"(?P<far>(?:[ \t]{1,2}(?:[\w.@\-']{1,24}|\([^()\n]{1,24}\))){1,4}(?=[ \t]{0,2}[:=]))?"
    r"((?:[ \t]{0,12}(?::=|=>|->|[:=>]|\bis\b|\bwas\b|\b(?:c')?est\b|\betait\b|\b(?:re)?set to\b)){0,2})"
    r"[ \t]{0,12}(\n?[ \t]{0,8})(\*\*|[\"'`(<]?)(?:Bearer |Basic |Token |ApiKey )?",
    re.IGNORECASE,
)
_VALUE = re.compile(r"[^\s\"`,;<>]{4,512}")
_CODE = re.compile(r"[A-Za-z_][A-Za-z_]*[0-9]{0,2}(?:\(|\[|\.[A-Za-z_]|\)|->|::|\{|:|/|\||=|$)")
_PLACEHOLDER = re.compile(
    r"\$\{|\$\(|\$(?-i:[A-Z_]{3,})|\{\{|%[({s]|\.\.\.|x{4,}|\*{3,}|\[|\{|os\.|env\.|process\.|self\.|-+$|=",
    re.IGNORECASE,
)
_KEYS = ("token", "key", "keys", "tokens", "cle", "jeton", "session", "cookie", "credential", "credentials", "bearer",
         "authorization", "id", "key id")  # fmt: skip
_PARAMETER = re.compile(r"&[\w.\-]{1,40}=")
_PLAIN = re.compile(r"[a-z][a-z-]{4,40}")
_NO_VALUES = frozenset("password secret changeme change-me none null true false undefined required example".split())
_WHEN = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{1,2}[:h][0-9]{2}\b")
_KEEPERS = frozenset({"1password"})  # programs that keep passwords
_IN_BRACKETS = re.compile(r"\(([^\s()\[\]{}\"'`,;=]{8,64})\)")
_BRACKETS_REACH = 96
_TRAILING = ".!?)]}*'"


def find_secrets(reading: Reading) -> list[Hit]:
    """In code as in prose: nothing here needs a sentence around it."""
    view = reading.view
    hits = _known(view)
    if "Bearer " in view or "Basic " in view:
        for found in _BEARER.finditer(view):
            if _is_random(found[1]):
                hits.append(Hit(*found.span(1), EntityType.SECRET, 0.95, "bearer", "token"))
    if "https://" in view:
        hits += [Hit(*found.span(), EntityType.SECRET, 0.995, "webhook", "url") for found in _HOOK.finditer(view)]
    for start, end in reading.cues.of(Cue.SECRET):
        if hit := _called(reading, reading.low[start:end], end) or _in_brackets(view, end):
            hits.append(hit)
    for start, end in reading.cues.of(Cue.PIN):  # codes with letters; those of digits alone are read as numbers
        if "cod" in (word := reading.low[start:end]) and (hit := _called(reading, word, end)):
            hits += [hit] if _is_mixed(view[hit.start : hit.end]) else []
    return hits


def find_blocks(text: str) -> list[tuple[int, int]]:
    """Borders of private key blocks in a whole text; one that never ends is taken as far as a long key goes."""
    blocks: list[tuple[int, int]] = []
    at = text.find(_BEGIN)
    while at >= 0:
        stop = at + len(_BEGIN)
        if head := _BLOCK.match(text, at):
            tail = text.find("-----END ", head.end(), head.end() + _LONGEST_BLOCK)
            close = text.find("-----", tail + 9, tail + 80) if tail >= 0 else -1
            stop = close + 5 if close >= 0 else min(len(text), head.end() + _LONGEST_BLOCK)
            blocks.append((at, stop))
        at = text.find(_BEGIN, stop)
    return blocks


def _known(view: str) -> list[Hit]:
    hits = []
    for index, start, end in _AUTOMATON.find_matches_as_indexes(view):
        if start and (view[start - 1].isalnum() or view[start - 1] in "_-"):
            continue
        body = _BODY.match(view, end)
        if (
            body
            and len(text := body.group().rstrip(".=-/")) >= _LEAST[index]
            and (_is_random(view[start:end] + text) or _AMAZON.fullmatch(view, start, end + len(text)))
        ):
            hits.append(Hit(start, end + len(text), EntityType.SECRET, 0.99, "known_key", "key"))
            if _LEAST[index] == _AMAZON_LEAST:
                hits += _amazon_secrets(view, start)
    if ":AA" in view:
        hits += [Hit(*found.span(), EntityType.SECRET, 0.95, "known_key", "key") for found in _TELEGRAM.finditer(view)]
    if "AC" in view or "SK" in view:
        hits += [Hit(*found.span(), EntityType.SECRET, 0.9, "known_key", "key") for found in _TWILIO.finditer(view)]
    return hits


def _amazon_secrets(view: str, start: int) -> list[Hit]:
    """The secret that belongs to a key's id stands beside it, often without a word."""
    return [
        Hit(*found.span(), EntityType.SECRET, 0.97, "known_key", "key")
        for found in _AMAZON_SECRET.finditer(view, max(0, start - _AMAZON_REACH), start + _AMAZON_REACH)
        if any(map(str.isdigit, found.group())) and any(map(str.islower, found.group())) and _has_upper(found.group())
    ]


def _has_upper(text: str) -> bool:
    return any(map(str.isupper, text))


def _is_random(text: str) -> bool:
    """Not a word or a name of code: digits among letters, or both cases in no order that a name has."""
    digits = sum(map(str.isdigit, text))
    if digits:
        return digits > 1 or len(set(text)) > 8  # noqa: PLR2004
    return any(map(str.islower, text)) and sum(map(str.isupper, text)) > 3 and "_" not in text  # noqa: PLR2004


def _called(reading: Reading, word: str, end: int) -> Hit | None:
    view = reading.view
    between = _BETWEEN.match(view, end, end + 96)
    if not between or view[end : end + 1] in {"@", "}"}:  # the end of a URL's password or of a place holder
        return None
    said, quote = bool(between[2].strip()), between[4]
    found = _VALUE.match(view, between.end())
    if not found or (between[3] and not said):
        return None
    value = found.group()
    if quote in {'"', "`", "'"} and (close := view.find(quote, between.end(), between.end() + 512)) >= 0:
        value = view[between.end() : close]
        if not value.strip() or "\n" in value:
            return None
    elif "'" in value[1:] and quote != "'":
        value = value.partition("'")[0] if value.count("'") == 1 and value.endswith("'") else value
    elif "&" in value:  # of a URL's query
        value = _PARAMETER.split(value, maxsplit=1)[0]
    trimmed = value if quote in {'"', "`", "'"} else _trim(value)
    if len(trimmed) < 4:  # noqa: PLR2004
        return None
    if between["far"]:
        score = _likely(trimmed, word, said=False, quoted=False) if _is_mixed(trimmed) else 0
    else:
        score = _likely(trimmed, word, said=said, quoted=quote in {'"', "`", "'"}) or _as_set(view, end, word, trimmed)
    return (
        Hit(between.end(), between.end() + len(trimmed), EntityType.SECRET, score, "named_secret", "")
        if score
        else None
    )


def _is_mixed(value: str) -> bool:
    """Letters and more than letters, no name of code."""
    return any(map(str.isalpha, value)) and any(map(str.isdigit, value)) and "_" not in value


def _as_set(view: str, end: int, word: str, value: str) -> float:
    """`export DB_PASSWORD=correcthorse`: in a shell and in .env the value is what it says, a plain word too."""
    named = view[end - len(word) : end].isupper() and view[end : end + 1] == "=" and not word.endswith(_KEYS)
    return 0.7 if named and value.lower() not in _NO_VALUES and _PLAIN.fullmatch(value) else 0


def _in_brackets(view: str, end: int) -> Hit | None:
    """`read her password out loud (Caribou!Sled_2291)`: what is no word, in brackets some words behind the cue."""
    line = view.find("\n", end, end + _BRACKETS_REACH)
    found = _IN_BRACKETS.search(view, end, line if line >= 0 else end + _BRACKETS_REACH)
    if not found or not any(map(str.isdigit, found[1])) or not any(map(str.isalpha, found[1])):
        return None
    kinds = {"A" if one.isupper() else "a" if one.isalpha() else "9" if one.isdigit() else "!" for one in found[1]}
    if len(kinds) < 3 or "://" in found[1]:  # noqa: PLR2004
        return None
    return Hit(*found.span(1), EntityType.SECRET, 0.7, "named_secret", "")


def _trim(value: str) -> str:
    while value and value[-1] in _TRAILING:
        if value[-1] in ")]}" and value.count("([{"[")]}".index(value[-1])]) >= value.count(value[-1]):
            break
        if value[-1] == "!" and sum(map(str.isdigit, value)):
            break
        value = value[:-1]
    return value


def _likely(value: str, word: str, *, said: bool, quoted: bool) -> float:
    """How sure a value is a secret, 0 for what is rather a word, a call or a place holder."""
    if _PLACEHOLDER.match(value) or "://" in value or value.isspace() or (value[0] == "." and not said):
        return 0
    if not quoted and (_WHEN.match(value) or value.lower() in _KEEPERS):
        return 0
    lower, upper = any(map(str.islower, value)), any(map(str.isupper, value))
    digit = any(map(str.isdigit, value))
    symbol = any(not character.isalnum() and character not in "_.-/" for character in value)
    classes = lower + upper + digit + symbol
    if word.endswith(_KEYS):
        return _key(value, (lower, upper, digit, symbol), said=said)
    named = _CODE.match(value) and not (classes > 3 or (quoted and digit))  # noqa: PLR2004
    if named and not (_CODE.fullmatch(value) and digit and len(value) > 5):  # noqa: PLR2004 - `hunter22`
        return 0.35 if quoted and value.isalpha() and len(value) > 5 else 0  # noqa: PLR2004
    if " " in value and not quoted:
        return 0
    if said or quoted:
        return 0.9 if classes > 2 else 0.75 if (digit or symbol) and len(value) > 5 else 0.3  # noqa: PLR2004
    return 0.85 if classes > 2 and len(value) > 5 else 0.6 if digit and (lower or upper) and len(value) > 7 else 0  # noqa: PLR2004


def _key(value: str, classes: tuple[bool, bool, bool, bool], *, said: bool) -> float:
    """A token or key is long and random; a name of code is neither."""
    lower, upper, digit, _ = classes
    if "(" in value or "\\" in value or "==" in value[:-2] or " " in value or not digit:
        return 0
    if len(value) >= 16 and ((lower and upper) or not any(mark in value for mark in "._")):  # noqa: PLR2004
        return 0.9 if said else 0.8 if lower or upper else 0
    if said and len(value) >= 8 and (lower or upper) and not _CODE.match(value[:-1]):  # noqa: PLR2004
        return 0.6
    return 0


_AUTOMATON = AhoCorasick(list(_PREFIXES), matchkind=MatchKind.LeftmostLongest)
_LEAST = list(_PREFIXES.values())
