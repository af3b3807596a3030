"""Keys, tokens and passwords: the same prefix, alphabet and length, so that what reads them still knows their kind."""

import re

from services.pii.substitutes.choosing import Choices
from services.pii.substitutes.shapes import reshape

# What tells the kind of a key, and the header of a token; the longest first where one begins another.
_PREFIX = re.compile(
    r"(?:sk-ant-(?:api|admin)\d\d-|sk-proj-|sk-svcacct-|sk-or-v1-|sk-|(?:sk|pk|rk|whsec)_(?:live_|test_)?"
    r"|github_pat_|gh[opsur]_|glpat-|gl[a-z]{2,5}-|A[KS]IA|xox[abeprs]-|xapp-|AIza|ya29\.|GOCSPX-|npm_|pypi-|hf_|SG\."
    r"|ni_(?:live|test)_|AGE-SECRET-KEY-1|dop_v1_|shp(?:at|ca|pa|ss)_|sq0[a-z]{3}-|key-|rubygems_|dckr_pat_|lin_api_"
    r"|secret_|ntn_|hvs\.|hvb\.|eyJ|Bearer |Basic )"
)
_PEM = re.compile(r"(-----BEGIN [A-Z0-9 ]{1,40}-----)(.*?)(-----END [A-Z0-9 ]{1,40}-----|\Z)", re.DOTALL)
_URL_PASSWORD = re.compile(r"([a-zA-Z][\w+.-]*://[^\s:/@]*:)([^\s@/]+)(@\S*)?")


class Credentials:
    """The secrets of one request."""

    def __init__(self, choices: Choices) -> None:
        self._choices = choices

    def substitute(self, text: str) -> str:
        """A secret nobody was given, of the same make."""
        out = self._choices.pick(lambda attempt: self._drawn(text, attempt), text)
        self._choices.aliases.add(out, text)
        return out

    def _drawn(self, text: str, attempt: int) -> str:
        pem = _PEM.search(text)
        if pem is not None:
            return text[: pem.start(2)] + reshape(self._choices, "pem", pem.group(2), attempt) + text[pem.end(2) :]
        url = _URL_PASSWORD.fullmatch(text)
        if url is not None:
            return url.group(1) + reshape(self._choices, "password", url.group(2), attempt) + (url.group(3) or "")
        if text.startswith("eyJ") and text.count(".") == 2:  # noqa: PLR2004 - a JSON web token
            return ".".join(
                reshape(self._choices, f"jwt {at}", part, attempt, 3 if part.startswith("eyJ") else 0)
                for at, part in enumerate(text.split("."))
            )
        prefix = _PREFIX.match(text)
        kept = prefix.end() if prefix is not None and len(text) - prefix.end() >= 8 else 0  # noqa: PLR2004
        return reshape(self._choices, "secret", text, attempt, kept, hexadecimal=True)
