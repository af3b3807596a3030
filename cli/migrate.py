"""`ni migrate`: brings the store's tables up to date."""

import argparse
import asyncio
import os
import sys
from pathlib import Path
from typing import get_args

from pydantic import SecretStr, ValidationError

from cli.status import typed
from libs.contracts.errors import StoreUnavailable
from libs.embedded.keyring import store_password
from libs.embedded.state import State, read_json
from libs.runtime.settings import EX_CONFIG, sentences
from libs.store.base import StoreRefused, StoreSettings
from libs.store.clickhouse import ClickHouseStore
from libs.store.migrations import Engine, MigrationsRefused, migrate

NAME = "migrate"
HELP = """\
Apply the migrations that the store does not have yet, in order, and record them there. Nothing to do is success.
Without options: the store that NI_STORE_URL, NI_STORE_USER and NI_STORE_PASSWORD name, or else the running street's.
Exit code 0: up to date; 1: not applied, and why; 78: no store is named, or wrongly, or it belongs to another version.

examples:
  ni migrate
  ni migrate --url http://clickhouse:8123 --password-file /run/secrets/clickhouse
  ni migrate --url https://ch.example:8443 --password-file pw --engine ReplicatedMergeTree
"""
_FOLDER = Path(__file__).parent.parent / "infra" / "clickhouse" / "migrations"
_TIMEOUT_S = 60.0  # one statement; a migration may rewrite a column
_NOT_APPLIED = 1


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--url", default=os.environ.get("NI_STORE_URL"), help="ClickHouse's HTTP interface")
    parser.add_argument("--user", default=os.environ.get("NI_STORE_USER"), help="its user (default: northern)")
    parser.add_argument("--password-file", type=Path, metavar="FILE", help="file that holds its password")
    parser.add_argument("--database", default=os.environ.get("NI_STORE_DATABASE"), help="default: northern")
    parser.add_argument(
        "--engine",
        choices=get_args(Engine),
        default="MergeTree",
        help="ReplicatedMergeTree on a cluster, in a database of engine Replicated (default: %(default)s)",
    )
    parser.add_argument("--folder", type=Path, default=_FOLDER, metavar="DIR", help="default: this version's")


def run(args: argparse.Namespace) -> int:
    """Apply and say so."""
    try:
        settings = _settings(args, State(root=Path(os.environ.get("NI_STATE") or ".state").resolve()))
    except ValidationError as error:
        return _refuse("; ".join(sentences(error, StoreSettings)), EX_CONFIG)
    except UnicodeDecodeError:
        return _refuse(f"{args.password_file} holds no password", EX_CONFIG)
    except OSError as error:
        return _refuse(f"the password cannot be read: {error.strerror} ({error.filename})", EX_CONFIG)
    except LookupError:
        here = f"no street runs on {os.environ.get('NI_STATE') or '.state'} and no store is named"
        return _refuse(f"{here}; start one ({typed('up')}) or give --url", EX_CONFIG)
    try:
        applied = asyncio.run(_migrate(settings, args.folder, args.engine))
    except MigrationsRefused as error:  # trying again cannot help: a street stops
        return _refuse(f"{error} (a store of another version: run that one, or use another state folder)", EX_CONFIG)
    except (StoreUnavailable, StoreRefused) as error:
        return _refuse(str(error), _NOT_APPLIED)
    for name in applied:
        print(f"applied {name}")
    if not applied:
        print("nothing to apply: the store is up to date")
    return 0


def _settings(args: argparse.Namespace, state: State) -> StoreSettings:
    url = args.url or f"http://127.0.0.1:{read_json(state.running)['clickhouse']}"
    given = {"store_user": args.user, "store_database": args.database}
    return StoreSettings(
        store_url=url,
        store_password=SecretStr(_password(args, state)),
        store_timeout_s=_TIMEOUT_S,
        **{name: value for name, value in given.items() if value},
    )


def _password(args: argparse.Namespace, state: State) -> str:
    file: Path | None = args.password_file
    if file is not None:
        return file.read_text().strip()
    return os.environ.get("NI_STORE_PASSWORD") or store_password(state.secrets)


async def _migrate(settings: StoreSettings, folder: Path, engine: Engine) -> list[str]:
    store = ClickHouseStore(settings)
    try:
        return await migrate(store, folder, engine)
    finally:
        await store.close()


def _refuse(sentence: str, code: int) -> int:
    print(f"ni migrate: {sentence}", file=sys.stderr)
    return code
