"""The log put together for one process: folder, tree, what is shown, sequencer and signer; started and stopped."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from libs.bus.base import Bus
from libs.bus.responder import answer
from libs.contracts.subjects import query
from libs.projection.leased import while_leased
from libs.projection.tasks import running, together
from libs.runtime.settings import refuse
from libs.telemetry.log import logger
from libs.telemetry.metrics import Metrics
from libs.tlog.note import VerifierKey
from libs.tlog.refusals import Refused
from services.custody.log.answers import Answers
from services.custody.log.folder import Folder
from services.custody.log.growth import Growth
from services.custody.log.log import Log
from services.custody.log.publisher import Publisher
from services.custody.log.signer import FileSigner, Signer, verifier_key
from services.custody.log.witnesses import Witness, Witnesses
from services.custody.sealing.sequencer import Sequencer
from services.custody.settings import Settings

_BEHIND = 10_000  # messages of EVENTS: more than this unread, and receipts are late enough to say so


@dataclass(frozen=True, kw_only=True)
class Kept:
    """The log of this process, the key it signs with, and what `/readyz` says of it."""

    log: Log
    signer: Signer | None
    checks: Callable[[], Mapping[str, bool]]


@asynccontextmanager
async def kept(
    bus: Bus,
    settings: Settings,
    metrics: Metrics,
    *,
    boot_id: str,
    now: Callable[[], float],
    now_ms: Callable[[], int],
) -> AsyncIterator[Kept]:
    """Keep the log while the context is open. Raises Refused where what is on record contradicts what was signed."""
    signer, key, witnesses = await asyncio.to_thread(_keys, settings)
    async with AsyncExitStack() as stack:
        folder = Folder(settings.log_dir or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ni-log-"))))
        try:
            folder.open()
        except BlockingIOError:
            refuse(f"NI_LOG_DIR: another process works in {folder.root}")
        except OSError as error:
            refuse(f"NI_LOG_DIR: {folder.root} cannot be used ({error.strerror})")
        stack.callback(folder.close)
        growth = Growth(bus=bus, folder=folder, metrics=metrics)
        log = Log(bus=bus, growth=growth, key=key, metrics=metrics)
        sequencer = Sequencer(bus=bus, metrics=metrics, now=now, now_ms=now_ms, every_s=settings.seal_every_ms / 1000)
        await _named(_opened(growth, log))
        publisher: Publisher | None = None
        if signer is not None and key is not None:
            asked = Witnesses(witnesses=witnesses, deadline_s=settings.witness_deadline_ms / 1000, metrics=metrics)
            publisher = Publisher(
                bus=bus,
                growth=growth,
                signer=signer,
                key=key,
                witnesses=asked,
                quorum=settings.witness_quorum,
                metrics=metrics,
                now_ms=now_ms,
            )

        async def work() -> None:
            """A term: it ends when either finds that another is at work."""
            await together(sequencer.run(), *((publisher.run(),) if publisher else ()))

        await stack.enter_async_context(running(_named(growth.run())))
        await stack.enter_async_context(running(growth.check()))
        await stack.enter_async_context(running(_named(log.run())))
        await stack.enter_async_context(running(_named(while_leased(bus, "sequencer.custody", boot_id, now_ms, work))))
        answers = Answers(log=log, witnesses=witnesses)
        for verb, respond in (("checkpoint", answers.checkpoint), ("tile", answers.tile), ("key", answers.key)):
            answering = await answer(bus, query("custody", verb), "custody", respond, limit=256)
            stack.push_async_callback(answering.stop)
        yield Kept(log=log, signer=signer, checks=lambda: {"sealing": sequencer.keeps_up(_BEHIND)})


def _keys(settings: Settings) -> tuple[FileSigner | None, VerifierKey | None, list[Witness]]:
    try:
        witnesses = [Witness.read(each) for each in settings.witnesses]
        if settings.log_key_file is None:
            return None, None, witnesses
        signer = FileSigner.read(settings.log_key_file)
    except (OSError, ValueError) as error:
        refuse(str(error))
    if settings.witness_quorum > len(witnesses):
        refuse(f"NI_WITNESS_QUORUM: {settings.witness_quorum} cosignatures of {len(witnesses)} witnesses cannot be had")
    return signer, verifier_key(signer, settings.log_origin), witnesses


async def _opened(growth: Growth, log: Log) -> None:
    await growth.open()
    await log.open()


async def _named(work: Coroutine[None, None, None]) -> None:
    """Say by name what is wrong with the log: whoever starts the process again and again reads it there."""
    try:
        await work
    except Refused as refused:
        logger().error("log_refused", code=refused.reason, reason=refused.message)
        raise
