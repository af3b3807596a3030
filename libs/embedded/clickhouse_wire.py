"""ClickHouse's HTTP interface as bytes and values: what a request says, what an error becomes."""

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

MAX_STATEMENT = 1 << 20  # bytes of SQL; rows in a format of their own are not counted

# https://clickhouse.com/docs/interfaces/http: not settings, but parts of the interface itself.
_INTERFACE: Final = frozenset(
    """
    query database default_format user password query_id quota_key role session_id session_check session_timeout
    close_session wait_end_of_query buffer_size compress decompress client_protocol_version stacktrace
    enable_http_compression http_zlib_compression_level send_progress_in_http_headers
    http_headers_progress_interval_ms cancel_http_readonly_queries_on_client_close
    """.split()
)
_TOKEN: Final = re.compile(
    rb"""(?P<blank>\s+|--[^\n]*|\#[!\ ][^\n]*|/\*.*?\*/)
      | (?P<quoted>'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.|"")*"|`(?:[^`\\]|\\.|``)*`|(?P<tag>\$\w*\$).*?(?P=tag))
      | (?P<word>\w+)
      | (?P<sign>.)""",
    re.DOTALL | re.VERBOSE,
)
_NAME: Final = re.compile(r"\w{1,128}", re.ASCII)
_AFTER_FORMAT: Final = re.compile(rb"[ \t\f]*\r?\n?")
_CODE: Final = re.compile(r"Code: (\d+)")

# exceptionCodeToHTTPStatus in ClickHouse's src/Server/HTTP; anything else is 500.
_STATUS: Final = {
    **dict.fromkeys((6, 26, 27, 36, 38, 41, 42, 43, 53, 62, 69, 70, 72, 130, 131, 457), 400),
    **dict.fromkeys((192, 193, 516), 403),
    **dict.fromkeys((46, 47, 50, 56, 60, 73, 78, 81, 115), 404),
    159: 408,
    48: 501,
}

AUTHENTICATION_FAILED, NOT_IMPLEMENTED, SYNTAX_ERROR, TOO_MANY_QUERIES = 516, 48, 62, 202
UNKNOWN_FORMAT, UNKNOWN_SETTING, NOT_ENOUGH_SPACE, SUPPORT_IS_DISABLED = 73, 115, 243, 344


class WireError(Exception):
    """An error as a server states it: its code, and text that begins with it."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"Code: {code}. DB::Exception: {text}")
        self.code = code

    @property
    def status(self) -> int:
        return _STATUS.get(self.code, 500)


class EngineError(WireError):
    """What the engine itself said, in its own words."""

    def __init__(self, said: str) -> None:
        match = _CODE.search(said)
        super().__init__(int(match[1]) if match else 1002, "")  # 1002: UNKNOWN_EXCEPTION
        self.args = (said[match.start() :] if match else str(self) + said,)


@dataclass(frozen=True, kw_only=True, slots=True)
class Statement:
    """One statement: its first word (lower case), its SQL, and an INSERT's rows with the format they are in.

    `settings_at`: where an INSERT's own settings begin in its SQL, or where it ends.
    """

    verb: str
    sql: str
    output_format: str = ""
    input_format: str = ""
    rows: bytes = b""
    settings_at: int = 0

    def from_file(self, path: str) -> str:
        """The INSERT as one of rows in a file: there the engine, unlike with streamed rows, tells every failure."""
        head, settings = self.sql[: self.settings_at], self.sql[self.settings_at :]
        return f"{head} FROM INFILE {literal(path)} {settings} FORMAT {self.input_format}"


def credentials(headers: Mapping[str, str], query: Mapping[str, str]) -> tuple[str, str]:
    """User and password in the order a server looks: its own headers, Basic, the address; empty where none are."""
    if "X-ClickHouse-User" in headers:
        return headers["X-ClickHouse-User"], headers.get("X-ClickHouse-Key", "")
    scheme, _, rest = headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            user, _, password = base64.b64decode(rest, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return "", ""
        return user, password
    return query.get("user", ""), query.get("password", "")


def settings(query: Mapping[str, str]) -> dict[str, str]:
    """Every parameter that is neither the interface's own nor a value for the statement."""
    found = {k: v for k, v in query.items() if k not in _INTERFACE and not k.startswith("param_")}
    for name in found:
        if not _NAME.fullmatch(name):
            raise WireError(UNKNOWN_SETTING, "Unknown setting. (UNKNOWN_SETTING)")
    return found


def parameters(query: Mapping[str, str]) -> dict[str, str]:
    """The values of `{name:Type}` in the statement."""
    return {k.removeprefix("param_"): v for k, v in query.items() if k.startswith("param_")}


def format_name(name: str) -> str:
    """The name itself, if it can be a format's and is not one of chDB's Python objects."""
    if not _NAME.fullmatch(name) or name.lower() in ("arrowtable", "dataframe", "datastore"):
        raise WireError(UNKNOWN_FORMAT, "Unknown format. (UNKNOWN_FORMAT)")
    return name


def literal(text: str) -> str:
    """A string literal."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def identifier(name: str) -> str:
    """A quoted identifier."""
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


def divide(text: bytes) -> Statement:
    """A request's text as one statement; WireError where it is none, several, too long or names a file."""
    verb, last, output_format, ended, depth, has_query = "", "", "", False, 0, False
    settings_at = 0
    for kind, token, end in _tokens(text):
        if ended:
            raise WireError(SYNTAX_ERROR, "Multi-statements are not allowed. (SYNTAX_ERROR)")
        word = token.lower().decode() if kind == "word" else ""
        verb = verb or word or token.decode(errors="replace")
        depth += (token == b"(") - (token == b")")
        has_query = has_query or (depth == 0 and word in ("select", "values", "with"))
        if (last, word) in (("from", "infile"), ("into", "outfile")):
            raise WireError(SUPPORT_IS_DISABLED, "Files are not read or written here. (SUPPORT_IS_DISABLED)")
        if word == "settings" and depth == 0 and last not in ("into", "table", "."):
            settings_at = settings_at or end - len(token)
        if last == "format" and kind == "word" and depth == 0:
            output_format = token.decode(errors="replace")
            if verb == "insert" and not has_query:
                return _insert(text, end, output_format, settings_at)
        ended = token == b";"
        last = "." if token == b"." else word
    if not verb:
        raise WireError(SYNTAX_ERROR, "Empty query. (SYNTAX_ERROR)")
    if len(text) > MAX_STATEMENT:
        raise WireError(SYNTAX_ERROR, f"Max query size exceeded: {MAX_STATEMENT} bytes. (SYNTAX_ERROR)")
    return Statement(verb=verb, sql=_sql(text), output_format=output_format)


def _tokens(text: bytes) -> Iterator[tuple[str, bytes, int]]:
    for match in _TOKEN.finditer(text, 0, MAX_STATEMENT):
        kind = "quoted" if match["quoted"] is not None else str(match.lastgroup)
        if kind != "blank":
            yield kind, match[0], match.end()


def _insert(text: bytes, end: int, input_format: str, settings_at: int) -> Statement:
    after = _AFTER_FORMAT.match(text, end)
    head = text[:end].rstrip()[: -len(input_format)].rstrip()[: -len("format")]
    start = after.end() if after else end
    return Statement(
        verb="insert",
        sql=_sql(head),
        input_format=format_name(input_format),
        rows=text[start:],
        settings_at=len(_sql(head[: settings_at or len(head)])),
    )


def _sql(text: bytes) -> str:
    try:
        return text.decode()
    except UnicodeDecodeError:
        raise WireError(SYNTAX_ERROR, "A statement is UTF-8. (SYNTAX_ERROR)") from None
