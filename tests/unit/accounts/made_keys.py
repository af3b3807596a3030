"""A key as it is asked for, and whether it is let in."""

from libs.auth.keys import digest
from libs.auth.principal import in_force, principal
from libs.auth.records import KeyRecord
from libs.contracts.errors import KeyRevoked
from tests.unit.accounts.rig import PEPPER, Rig

QWENS = ["Qwen/Qwen3-14B", "Qwen/Qwen3-32B"]
SEED = {"name": "Production", "model_pool": QWENS, "optimize_mode": "balanced"}


def record_of(scene: Rig, raw: str) -> KeyRecord:
    found = in_force(scene.desk.keys.get(digest(PEPPER, raw)), scene.desk.keys.get)
    assert found is not None
    return found.key


async def accepted(scene: Rig, raw: str) -> bool:
    await scene.desk.keys.current()
    found = in_force(scene.desk.keys.get(digest(PEPPER, raw)), scene.desk.keys.get)
    tenant = scene.desk.tenants.get(found.key.tenant) if found else None
    try:
        principal(found, tenant, round(scene.now_s * 1000))
    except KeyRevoked:
        return False
    return True
