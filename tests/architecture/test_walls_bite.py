"""Each wall refuses what it is there to refuse: violations planted in a house of a few lines, found and named."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.architecture import imports, inside

Rule = Callable[[Path], list[str]]

SOUND: Mapping[str, str] = {
    "libs/contracts/__init__.py": "",
    "libs/contracts/subjects.py": 'ROUTE = "ni.infer.route"\n',
    "libs/telemetry/log.py": "import structlog\n",
    "libs/runtime/settings.py": "import os\n\n\ndef read() -> str:\n    return os.environ['NI_PORT']\n",
    "libs/bus/nats.py": "import nats\nfrom libs.contracts import subjects\nfrom libs.runtime.settings import read\n",
    "libs/projection/loop.py": "from google.protobuf.message import DecodeError\nfrom libs.bus.nats import subjects\n",
    "services/router/domain.py": "from libs.contracts.subjects import ROUTE\n\n\ndef choose() -> str: ...\n",
    "services/router/app.py": "from services.router.domain import choose\n",
    "services/worker/app.py": "import asyncio\nfrom libs.bus.nats import subjects\n",
    "cli/route.py": "from services.router.domain import choose\n",
}


@dataclass(frozen=True, kw_only=True)
class Planted:
    """One violation: the rule, the file it is written to, its text, and what the refusal must say."""

    rule: Rule
    path: str
    text: str
    says: str


PLANTED = {
    "a sister import": Planted(
        rule=imports.sisters,
        path="services/router/handlers.py",
        text="from services.worker.app import build\n",
        says="services/router/handlers.py:1: imports services.worker.app.build",
    ),
    "a sister import inside a function": Planted(
        rule=imports.sisters,
        path="services/router/handlers.py",
        text="def late() -> None:\n    from services import worker\n",
        says="services/router/handlers.py:2: imports services.worker",
    ),
    "a relative import of a sister": Planted(
        rule=imports.sisters,
        path="services/router/handlers.py",
        text="from ..worker import app\n",
        says="services/router/handlers.py:1: imports services.worker.app",
    ),
    "a verb that joins two services": Planted(
        rule=imports.sisters,
        path="cli/both.py",
        text="import services.router.domain\nimport services.worker.app\n",
        says="cli/both.py:1: imports router and worker",
    ),
    "a lib that imports a service": Planted(
        rule=imports.upward,
        path="libs/runtime/run.py",
        text="from services.router.app import build\n",
        says="libs/runtime/run.py:1: imports services.router.app.build",
    ),
    "a lib that imports a lib above it": Planted(
        rule=imports.upward,
        path="libs/contracts/ids.py",
        text="from libs.bus.nats import connect\n",
        says="libs/bus (floor 2) lies above libs/contracts (floor 0)",
    ),
    "a lib that imports its neighbour": Planted(
        rule=imports.upward,
        path="libs/dialects/converse.py",
        text="from libs import telemetry\n",
        says="libs/telemetry (floor 1) lies beside libs/dialects (floor 1)",
    ),
    "a sideways step that is not in the table": Planted(
        rule=imports.upward,
        path="libs/bus/base.py",
        text="from libs.runtime.health import HealthServer\n",
        says="libs/bus/base.py:1: imports libs.runtime.health.HealthServer",
    ),
    "a lib without a floor": Planted(
        rule=imports.upward, path="libs/gossip/talk.py", text="", says="libs/gossip has no floor"
    ),
    "a service that imports the command line": Planted(
        rule=imports.into_the_street,
        path="services/router/handlers.py",
        text="import cli.route\n",
        says="services/router/handlers.py:1: imports cli.route",
    ),
    "a foreign package outside its door": Planted(
        rule=imports.doors,
        path="services/router/handlers.py",
        text="import nats.errors\n",
        says="services/router/handlers.py:1: imports nats.errors: its door is libs/bus/",
    ),
    "Google's client outside its door": Planted(
        rule=imports.doors,
        path="services/worker/app.py",
        text="from google.auth import default\n",
        says="services/worker/app.py:1: imports google.auth.default",
    ),
    "a domain that reads the clock": Planted(
        rule=inside.impure_domains,
        path="services/router/domain.py",
        text="from datetime import datetime, UTC\n\n\ndef late() -> bool:\n    return datetime.now(UTC).hour > 8\n",
        says="services/router/domain.py:5: calls now()",
    ),
    "a domain that imports a clock": Planted(
        rule=inside.impure_domains,
        path="services/router/domain.py",
        text="import time\n",
        says="services/router/domain.py:1: imports time",
    ),
    "a domain that waits": Planted(
        rule=inside.impure_domains,
        path="services/router/domain.py",
        text="async def choose() -> None: ...\n",
        says="services/router/domain.py:1: waits",
    ),
    "a domain that opens a file": Planted(
        rule=inside.impure_domains,
        path="services/router/domain.py",
        text="def price() -> str:\n    return open('prices.json').read()\n",
        says="services/router/domain.py:2: calls open()",
    ),
    "a domain that knows the bus": Planted(
        rule=inside.impure_domains,
        path="services/router/domain.py",
        text="from libs.bus.nats import connect\n",
        says="services/router/domain.py:1: imports libs.bus.nats.connect",
    ),
    "a circle": Planted(
        rule=imports.circles,
        path="services/router/domain.py",
        text="from services.router.app import choose\n",
        says="services.router.app → services.router.domain",
    ),
    "an __init__ with something in it": Planted(
        rule=inside.full_inits,
        path="libs/bus/__init__.py",
        text="from libs.bus.nats import connect\n",
        says="libs/bus/__init__.py:1: an __init__.py is empty",
    ),
    "a folder of odds and ends": Planted(
        rule=inside.nameless, path="services/router/utils/text.py", text="", says="called 'utils'"
    ),
    "a file of odds and ends": Planted(
        rule=inside.nameless, path="libs/bus/helpers.py", text="", says="called 'helpers'"
    ),
    "a homemade subject": Planted(
        rule=inside.homemade_subjects,
        path="services/router/handlers.py",
        text='def work(egress: str) -> str:\n    """ni.work is documented here."""\n    return f"ni.work.{egress}"\n',
        says="services/router/handlers.py:3: builds the subject 'ni.work.'",
    ),
    "a service that reads the environment": Planted(
        rule=inside.environment,
        path="services/router/handlers.py",
        text="from os import environ\n",
        says="services/router/handlers.py:1: reads the environment",
    ),
    "the environment read at import": Planted(
        rule=inside.environment,
        path="libs/runtime/settings.py",
        text="import os\n\nPORT = os.getenv('NI_PORT')\n",
        says="libs/runtime/settings.py:3: reads the environment at import",
    ),
    "the environment as a default argument": Planted(
        rule=inside.environment,
        path="cli/up.py",
        text="import os\n\n\ndef up(port: str = os.environ['NI_PORT']) -> None: ...\n",
        says="cli/up.py:4: reads the environment at import",
    ),
    "a file opened at import": Planted(
        rule=inside.work_at_import,
        path="services/router/handlers.py",
        text="from pathlib import Path\n\nPRICES = Path('prices').read_text()\n",
        says="services/router/handlers.py:3: calls read_text() at import",
    ),
}

RULES: tuple[Rule, ...] = (
    imports.sisters,
    imports.upward,
    imports.into_the_street,
    imports.doors,
    imports.circles,
    inside.impure_domains,
    inside.full_inits,
    inside.nameless,
    inside.homemade_subjects,
    inside.environment,
    inside.work_at_import,
)


def build(root: Path, files: Mapping[str, str]) -> None:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_a_sound_house_is_let_be(rule: Rule, tmp_path: Path) -> None:
    build(tmp_path, SOUND)
    assert rule(tmp_path) == []


@pytest.mark.parametrize("planted", PLANTED.values(), ids=list(PLANTED))
def test_a_planted_violation_is_refused(planted: Planted, tmp_path: Path) -> None:
    build(tmp_path, {**SOUND, planted.path: planted.text})
    found = planted.rule(tmp_path)
    assert any(planted.says in line for line in found), found


def test_every_wall_has_been_bitten() -> None:
    assert {planted.rule for planted in PLANTED.values()} == set(RULES)
