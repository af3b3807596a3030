"""The broker's configuration as text: loopback, durable, one nkey a service, its rights from the subject catalogue."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import orjson

from libs.contracts.subjects import answers, permissions


def render(*, port: int, monitor_port: int, store: Path, store_bytes: int, public_keys: Mapping[str, str]) -> str:
    """nats-server.conf for one machine; `public_keys` by service."""
    return f"""\
# Written at every start of the street; change libs/embedded/nats_config.py instead.
server_name: northern
listen: "127.0.0.1:{port}"
http: "127.0.0.1:{monitor_port}"

# `always`: with the default (every two minutes) a power cut loses what was acknowledged.
jetstream {{
  store_dir: {_text(str(store))}
  sync_interval: always
  max_memory_store: 64MB
  max_file_store: {store_bytes}
}}

max_payload: 1MB
write_deadline: "5s"
ping_interval: "10s"

authorization {{
{users(public_keys)}
}}
"""


def users(public_keys: Mapping[str, str]) -> str:
    """The `users` list: who is not on it does not get in, and what is not on a list is refused."""
    return "  users: [\n" + "".join(_user(name, key) for name, key in public_keys.items()) + "  ]"


def _user(service: str, public_key: str) -> str:
    allowed = permissions(service)
    # One answer a request, and soon: the server remembers every open reply subject until then.
    responses = '\n        allow_responses: { max: 1, expires: "10s" }' if answers(service) else ""
    return f"""\
    {{ # {service}
      nkey: {public_key}
      permissions: {{
        publish: {{ allow: {_list(allowed.publish)} }}
        subscribe: {{ allow: {_list(allowed.subscribe)} }}{responses}
      }}
    }}
"""


def _list(subjects: Iterable[str]) -> str:
    return "[" + ", ".join(_text(subject) for subject in subjects) + "]"


def _text(value: str) -> str:
    """A double-quoted string; NATS reads JSON's escapes."""
    return orjson.dumps(value).decode()
