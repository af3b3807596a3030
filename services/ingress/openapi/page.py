"""The description as a page: a list that needs no script and nothing from anywhere else."""

import base64
import hashlib
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any, Final

import orjson

_STYLE: Final = """
:root{color-scheme:light dark;--line:#8884;--soft:#8882}
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
h2{margin-top:2.5rem;border-bottom:1px solid var(--line)}
details{border:1px solid var(--line);border-radius:6px;margin:.5rem 0;padding:.4rem .8rem}
summary{cursor:pointer}
code,pre{font:13px/1.5 ui-monospace,monospace}
pre{background:var(--soft);padding:.6rem;border-radius:6px;overflow:auto}
table{border-collapse:collapse;width:100%}
th,td{text-align:left;vertical-align:top;padding:.25rem .5rem;border-bottom:1px solid var(--line)}
b.method{display:inline-block;min-width:4.5rem}
input{font:inherit;width:100%;box-sizing:border-box;padding:.4rem}
"""
_SCRIPT: Final = """
const box=document.getElementById("find");box.hidden=false;
box.addEventListener("input",()=>{const said=box.value.toLowerCase();
for(const one of document.querySelectorAll("details[data-find]"))one.hidden=!one.dataset.find.includes(said)});
"""


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


POLICY: Final = (
    f"default-src 'none'; style-src '{_digest(_STYLE)}'; script-src '{_digest(_SCRIPT)}'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def page(document: Mapping[str, Any]) -> bytes:
    """HTML of everything in the document, by tag."""
    info = document["info"]
    introduction = "".join(f"<p>{escape(each)}</p>" for each in info["description"].strip().split("\n\n"))
    by_tag: dict[str, list[str]] = {each["name"]: [] for each in document["tags"]}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            by_tag[operation["tags"][0]].append(_operation(path, method.upper(), operation))
    sections = "".join(f"<h2>{escape(tag)}</h2>{''.join(found)}" for tag, found in by_tag.items())
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(info['title'])}: API</title><style>{_STYLE}</style></head><body>"
        f"<h1>{escape(info['title'])}</h1>{introduction}"
        '<p>The same for machines: <a href="/openapi.json">/openapi.json</a>.</p>'
        '<input id="find" hidden type="search" placeholder="Find an endpoint" aria-label="Find an endpoint">'
        f"{sections}<h2>Errors</h2>{_errors(document['x-ni-errors'])}"
        f"<h2>Shapes</h2>{_schemas(document['components']['schemas'])}<script>{_SCRIPT}</script></body></html>"
    ).encode()


def _operation(path: str, method: str, operation: Mapping[str, Any]) -> str:
    find = escape(f"{method} {path} {operation['summary']}".lower(), quote=True)
    parts = [f"<p>{escape(operation['description'])}</p>"] if "description" in operation else []
    parts.append(f"<p>{_who(operation['security'])}</p>")
    if given := operation.get("parameters"):
        rows = ((each["name"], each["in"], each["description"], _values(each["schema"])) for each in given)
        parts.append(_table(("Parameter", "in", "", "Values"), rows))
    if body := operation.get("requestBody"):
        parts += [f"<p>Body: {_kind(one['schema'])}</p>{_example(one)}" for one in body["content"].values()]
    parts.append("<table><tr><th>Status</th><th></th><th>Body</th></tr>")
    for status, answer in operation["responses"].items():
        kinds = ", ".join(_kind(content["schema"]) for content in answer.get("content", {}).values())
        parts.append(f"<tr><td>{status}</td><td>{_prose(answer['description'])}</td><td>{kinds}</td></tr>")
    parts.append("</table>")
    return (
        f'<details id="{operation["operationId"]}" data-find="{find}"><summary><b class="method">{method}</b>'
        f" <code>{escape(path)}</code> {escape(operation['summary'])}</summary>{''.join(parts)}</details>"
    )


def _who(security: Iterable[Mapping[str, Any]]) -> str:
    found = [escape(" with ".join(each)) for each in security]
    return f"Needs {' or '.join(found)}." if found else "Needs no key."


def _values(schema: Mapping[str, Any]) -> str:
    said = [str(schema.get("type", ""))]
    if "enum" in schema:
        said = [", ".join(str(each) for each in schema["enum"])]
    if "default" in schema:
        said.append(f"default {orjson.dumps(schema['default']).decode()}")
    return "; ".join(said)


def _kind(schema: Mapping[str, Any]) -> str:
    """A schema in a few words, linked where it has a name."""
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2], quote=True)
        return f'<a href="#shape-{name}">{name}</a>'
    for word in ("anyOf", "oneOf"):
        if word in schema:
            return " or ".join(_kind(each) for each in schema[word])
    if schema.get("type") == "array":
        return f"list of {_kind(schema['items'])}"
    kind = schema.get("type", "anything")
    return escape(" or ".join(kind) if isinstance(kind, list) else str(kind))


def _example(content: Mapping[str, Any]) -> str:
    if "example" not in content:
        return ""
    return f"<pre>{escape(orjson.dumps(content['example'], option=orjson.OPT_INDENT_2).decode())}</pre>"


def _errors(table: Mapping[str, Mapping[str, Any]]) -> str:
    heading = ("Code", "Status", "Type", "Anthropic", "Again?")
    rows = (
        (name, f"{row['status']}", row["type"], f"{row['anthropic_status']} {row['anthropic_type']}", _again(row))
        for name, row in table.items()
    )
    return _table(heading, rows)


def _again(row: Mapping[str, Any]) -> str:
    return "may succeed later" if row["retryable"] else "no"


def _schemas(schemas: Mapping[str, Mapping[str, Any]]) -> str:
    found = []
    for name, schema in schemas.items():
        needed = schema.get("required", ())
        rows = "".join(
            f"<tr><td><code>{escape(member)}</code>{'' if member in needed else ' (optional)'}</td>"
            f"<td>{_kind(one)}</td><td>{_prose(str(one.get('description', '')))}</td></tr>"
            for member, one in schema.get("properties", {}).items()
        )
        inside = f"<table>{rows}</table>" if rows else f"<p>{_kind(schema)}</p>"
        said = f"<p>{_prose(str(schema.get('description', '')))}</p>"
        found.append(
            f'<details id="shape-{escape(name, quote=True)}"><summary><code>{escape(name)}</code></summary>'
            f"{said}{inside}</details>"
        )
    return "".join(found)


def _table(heading: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = "".join(f"<th>{escape(each)}</th>" for each in heading)
    body = "".join(f"<tr>{''.join(f'<td>{_prose(each)}</td>' for each in row)}</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{body}</table>"


def _prose(text: str) -> str:
    """Escaped; what stands between backticks is code."""
    pieces = escape(text).split("`")
    return "".join(f"<code>{each}</code>" if n % 2 else each for n, each in enumerate(pieces))
