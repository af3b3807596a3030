"""What every request that passes through needs."""

from dataclasses import dataclass

from libs.bus.base import Bus
from libs.bus.facts import FactPublisher
from libs.bus.inflow import Inflows
from libs.bus.outflow import Outflows
from libs.telemetry.metrics import Metrics
from services.pii.hop.base import Masking


@dataclass(frozen=True, kw_only=True)
class Room:
    """Shared by all requests of a process."""

    bus: Bus
    inflows: Inflows
    outflows: Outflows
    facts: FactPublisher
    masking: Masking
    metrics: Metrics
    max_body: int
    mask_s: float
