"""Keys that show by themselves what they are: issuers' prefixes and layouts, blocks, hooks, runs of random letters."""

import re
from collections.abc import Iterator

from ahocorasick_rs import AhoCorasick, MatchKind

from services.pii.entities import EntityType
from services.pii.recognizers.hits import Hit

_AMAZON_LEAST = 11
# Prefixes as their issuers document them and the least that follows; a key cut short is still most of a key.
_PREFIXES = {
    prefix: least
    for least, prefixes in (
        (
            10,
            """sk_live_ sk_test_ sk_prod_ sk_sandbox_ rk_live_ rk_test_ rk_prod_ pk_live_ pk_test_ whsec_ ghp_ gho_ ghu_
            ghs_ ghr_ github_pat_ glpat- gldt- glptt- glrt- glcbt- glft- glimt- glagent- gloas- glsoat- glffct-
            xoxa- xoxb-
            xoxc- xoxd- xoxp- xoxr- xoxs- xoxe- xoxe. xapp- xwfp- dop_v1_ doo_v1_ dor_v1_ shpat_ shpca_ shpss_ shppa_
            sq0atp- sq0csp- sq0idp- AGE-SECRET-KEY- ni_live_ ni_test_ PMAK- sntrys_ sntryu_ glc_ glsa_ NRAK- NRJS- NRII-
            rubygems_ CFPAT- xkeysib- xsmtpsib- bkua_ CCIPAT_ CCIPRJ_ FLWSECK- FLWSECK_TEST- FLWPUBK- ATATT3x ATCTT3x
            ATBB duffel_live_ duffel_test_ shippo_live_ shippo_test_ rdme_ CLOJARS_ sk-lf- pk-lf- HRKU- sgp_ slk_
            access-production- access-sandbox- access-development- pscale_tkn_ pscale_pw_ pscale_oauth_ ovsxat- mlsn.
            test_secret_ live_secret_ tskey- tok_live_ tok_test_""",
        ),
        (_AMAZON_LEAST, "AKIA ASIA ABIA ACCA"),
        (
            12,
            """gsk_ pplx- xai- nvapi- tvly- lin_api_ lin_oauth_ ntn_ figd_ figo_ dckr_pat_ dckr_oat_ tgp_v1_ fw_ napi_
            pat-na1- pat-na2- pat-eu1- pnu_ pnb_ squ_ sqp_ sqa_ waka_ zpka_ vcp_ vck_ dp.pt. dp.st. dp.ct. dp.sa.
            dp.scim.
            dp.audit. ops_eyJ rpa_ cal_live_ sb_secret_ sb_publishable_ sbp_ pul- nfp_ dt0c01. dt0s01. apify_api_ pcsk_
            rzp_live_ rzp_test_ APP_USR- RGAPI- whsk_ ss_live_ sm_live_""",
        ),
        (14, "phc_ phx_ vercel_ rnd_ r8_ npm_ hf_ secret_ tfp_ sk- LTAI EZAK EZTK p8e- rootly_ fio-u- api_org_ pa-"),
        (16, "AIza ya29. GOCSPX- pypi- SG. hvs. hvb. hvr. atlasv1. eyJ sk.eyJ tk.eyJ pk.eyJ v2.local. re_ t1_"),
        (
            28,
            """key- dapi EAAA EAAB EAAC EAAD EAAG fo1_ lsv2_pt_ lsv2_sk_ jina_ co_ AKCp cmVmd oy2 AQVN live_ test_ dG9r
            fm1_ fm2_ sl. sl.u. 1//0 4b1d intra- v1.0-""",
        ),
    )
    for prefix in prefixes.split()
} | {"FlyV1 fm2_": 28}
_BODY = re.compile(r"[A-Za-z0-9_\-.=/+]{10,4096}")
_AMAZON = re.compile(r"A[KSBC][IC]A[A-Z0-9]{16}")  # may be letters alone
_AMAZON_SECRET = re.compile(r"(?<![A-Za-z0-9/+=])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])")  # never far from its id
_AMAZON_REACH = 240
# Layouts without a prefix of letters, each behind something that is quickly looked for.
_LAYOUTS = (
    (":AA", re.compile(r"(?<![0-9A-Za-z])[0-9]{8,10}:AA[A-Za-z0-9_-]{33}(?![A-Za-z0-9_-])"), 0.95),  # Telegram
    ("AC", re.compile(r"(?<![A-Za-z0-9])(?:AC|SK)[0-9a-f]{32}(?![0-9A-Za-z])"), 0.9),  # Twilio
    ("SK", re.compile(r"(?<![A-Za-z0-9])SK[0-9a-f]{32}(?![0-9A-Za-z])"), 0.9),
    ("-us", re.compile(r"(?<![0-9A-Za-z])[0-9a-f]{32}-us[0-9]{1,2}(?![0-9A-Za-z])"), 0.95),  # Mailchimp
    ("Q~", re.compile(r"(?<![\w.~])[\w.~]{3}[0-9]Q~[\w.~-]{20,40}"), 0.95),  # Microsoft Entra
    ("pat", re.compile(r"(?<![0-9A-Za-z])pat[A-Za-z0-9]{13,15}\.[0-9a-f]{32,64}(?![0-9A-Za-z])"), 0.95),  # Airtable
    ("00D", re.compile(r"(?<![0-9A-Za-z])00D[A-Za-z0-9]{9,15}![A-Za-z0-9_.]{20,120}"), 0.95),  # Salesforce
    ("A3-", re.compile(r"(?<![0-9A-Za-z-])A3-[A-Z0-9]{6}(?:-[A-Z0-9]{5,11}){4,5}(?![A-Z0-9])"), 0.95),  # 1Password
    ("API-", re.compile(r"(?<![0-9A-Za-z-])API-[A-Z0-9]{25,32}(?![A-Z0-9-])"), 0.9),  # Octopus
    (".", re.compile(r"(?<![\w.-])[MNO][A-Za-z0-9]{23,27}\.[\w-]{6}\.[\w-]{27,40}(?![\w-])"), 0.95),  # Discord
    (
        "$",
        re.compile(r"\$(?:1|2[abxy]?|5|6|7|y|apr1|argon2(?:id|i|d)|pbkdf2-sha\d+)\$[\w./$=,+]{16,256}"),
        0.9,
    ),  # crypt(3)
    ("{SS", re.compile(r"\{SSHA[0-9]{0,3}\}[A-Za-z0-9+/=]{24,128}"), 0.9),
    ("sv=", re.compile(r"(?<![?&\w])s[vr]=[\w%.-]{1,20}&[\w%=&.:-]{10,400}sig=[\w%/+=-]{16,128}"), 0.95),  # Azure SAS
    ("sr=", re.compile(r"(?<![?&\w])sr=[\w%./:-]{1,200}&sig=[\w%/+=-]{16,128}(?:&(?:se|skn)=[\w%-]{1,64}){0,2}"), 0.95),
)
_BEGIN = "-----BEGIN "
_BLOCK = re.compile(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY[A-Z0-9 ]{0,40}-----")
_LONGEST_BLOCK = 16_384
_HOOK = re.compile(
    r"https://(?:hooks\.slack\.com/(?:services|workflows|triggers)|(?:\w{2,8}\.)?discord(?:app)?\.com/api/webhooks"
    r"|[\w-]+\.webhook\.office\.com/webhookb2|outlook\.office(?:365)?\.com/webhook|hooks\.zapier\.com/hooks/catch"
    r"|hook\.[\w-]{1,12}\.make\.com|maker\.ifttt\.com/(?:trigger|use)|api\.telegram\.org/(?:file/)?bot\d{6,12}:"
    r"|chat\.googleapis\.com/v1/spaces|[\w.-]{1,80}\.logic\.azure\.com(?::443)?/workflows"
    r"|[\w.-]{1,80}/(?:api/)?(?:web)?hooks?(?:/incoming|/catch)?/(?=[\w\-]{0,64}[0-9])(?=[\w\-]{0,64}[A-Za-z])[\w\-]{15})"
    r"[^\s\"'<>`]{6,400}"
)
_BEARER = re.compile(r"(?:[Bb]earer|BEARER|[Bb]asic|BASIC) ([A-Za-z0-9_\-.=/+~]{16,2000})")
# What nobody would call a name: capitals, small letters and digits all through, as random keys have them.
_TOKEN = re.compile(r"(?<![A-Za-z0-9/+.%@#?&_\-:\\])(?!sha[0-9])[A-Za-z0-9_\-]{24,200}(?![A-Za-z0-9/+.@=\\])")
_LONG = 24
_RUN = re.compile(r"[A-Za-z0-9]{20,}")
_CHANGES = re.compile(r"[A-Z](?=[a-z0-9][A-Z0-9])|[a-z](?=[A-Z0-9])|[0-9](?=[A-Za-z])")
_HEX, _LONG_LOWER = re.compile(r"[0-9a-f]+"), 40
_LEAST_OF_KIND, _CHANGE_EVERY = 3, 4
_TRAILING = ".,;:)]}*_"


def find_keys(view: str) -> list[Hit]:
    """In code as in prose: nothing here needs a word around it."""
    hits = _known(view)
    if "earer " in view or "asic " in view or "BEARER " in view or "BASIC " in view:
        for found in _BEARER.finditer(view):
            if is_random(found[1]):
                hits.append(Hit(*found.span(1), EntityType.SECRET, 0.95, "bearer", "token"))
    if "https://" in view and ("hook" in view or "azure.com" in view or "ifttt" in view or "/bot" in view):
        for found in _HOOK.finditer(view):
            end = found.end() - (len(found.group()) - len(found.group().rstrip(_TRAILING)))
            hits.append(Hit(found.start(), end, EntityType.SECRET, 0.995, "webhook", "url"))
    return hits + _random(view)


def _random(view: str) -> list[Hit]:
    """Only the longest words of a text are worth a look."""
    hits, stop = list[Hit](), 0
    for word in [word for word in view.split() if len(word) >= _LONG]:
        at = view.find(word, stop)
        stop = at + len(word)
        if "://" in word or word.isalpha():
            continue
        for mark, layout, score in _LAYOUTS:
            if mark in word:
                found = layout.finditer(view, at, stop)
                hits += [Hit(*one.span(), EntityType.SECRET, score, "known_key", "key") for one in found]
        for one in _TOKEN.finditer(view, at, stop):
            if _is_noise(one.group()):
                hits.append(Hit(*one.span(), EntityType.SECRET, 0.6, "random", "key"))
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


def is_random(text: str) -> bool:
    """Not a word or a name of code: digits among letters, or both cases in no order that a name has."""
    digits = sum(map(str.isdigit, text))
    if digits:
        return digits > 1 or len(set(text)) > 8  # noqa: PLR2004
    return any(map(str.islower, text)) and sum(map(str.isupper, text)) > 3 and "_" not in text  # noqa: PLR2004


def _known(view: str) -> list[Hit]:
    hits = []
    for index, start, end in _AUTOMATON.find_matches_as_indexes(view):
        if start and (view[start - 1].isalnum() or view[start - 1] in "_-"):
            continue
        body = _BODY.match(view, end)
        if (
            body
            and len(text := body.group().rstrip(".=-/")) >= _LEAST[index]
            and (_is_key(view[start:end], text) or _AMAZON.fullmatch(view, start, end + len(text)))
        ):
            hits.append(Hit(start, end + len(text), EntityType.SECRET, 0.99, "known_key", "key"))
            if _LEAST[index] == _AMAZON_LEAST:
                hits += _amazon_secrets(view, start)
    return hits


def _is_key(prefix: str, body: str) -> bool:
    """Words with dashes and a number behind a short prefix are a name: `key-value-store-2024`."""
    if not is_random(prefix + body) and not is_random(body):
        return False
    pieces = (piece for piece in re.split(r"[-_.]", body) if len(piece) > 11)  # noqa: PLR2004
    return any(is_random(piece) for piece in pieces) or "eyJ" in prefix or sum(map(str.isdigit, body)) > len(body) // 5


def _amazon_secrets(view: str, start: int) -> Iterator[Hit]:
    """The secret that belongs to a key's id stands beside it, often without a word."""
    for found in _AMAZON_SECRET.finditer(view, max(0, start - _AMAZON_REACH), start + _AMAZON_REACH):
        seen = found.group()
        if any(map(str.isdigit, seen)) and any(map(str.islower, seen)) and any(map(str.isupper, seen)):
            yield Hit(*found.span(), EntityType.SECRET, 0.97, "known_key", "key")


def _is_noise(token: str) -> bool:
    run = max(_RUN.findall(token), key=len, default="")
    if len(run) >= _LONG_LOWER and run.islower() and not run.isalpha() and not _HEX.fullmatch(run):
        return sum(1 for _ in _CHANGES.finditer(run)) * _CHANGE_EVERY >= len(run)
    return (
        bool(run)
        and sum(map(str.isdigit, run)) >= _LEAST_OF_KIND
        and sum(map(str.isupper, run)) >= _LEAST_OF_KIND
        and sum(map(str.islower, run)) >= _LEAST_OF_KIND
        and sum(1 for _ in _CHANGES.finditer(run)) * _CHANGE_EVERY >= len(run)
    )


_AUTOMATON = AhoCorasick(list(_PREFIXES), matchkind=MatchKind.LeftmostLongest)
_LEAST = list(_PREFIXES.values())
