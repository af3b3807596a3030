"""A worker's signed statement of a call."""

from pathlib import Path

import pytest

from libs.contracts.northern.v1.facts_pb2 import Egress, Endpoint, Finished, Outcome
from libs.contracts.northern.v1.frames_pb2 import RouteFacts
from libs.runtime.identity import Identity
from libs.tlog.refusals import Refused
from libs.tlog.testimony import verify
from services.worker.requests.testimony import Intent, Witness
from tests.support.custody import statement_of

WHO = Identity(role="worker", node="w1", build="b1", place="CA")


def finished(witness: Witness) -> Finished:
    end = Finished(outcome=Outcome.OUTCOME_COMPLETED, endpoint=Endpoint(address="192.0.2.7"), provider_status=200)
    end.returned["inference_geo"] = "us"
    intent = Intent.of(Egress(host="a.example", residency=["CA"]), RouteFacts())
    witness.testify("0" * 16, intent, end)
    return end


def test_one_key_file_makes_one_witness_of_many_workers(tmp_path: Path) -> None:
    path = tmp_path / "worker.key"
    path.write_bytes(b"k" * 32)
    first, second = Witness.read(WHO, path), Witness.read(WHO, path)
    assert first.key.public == second.key.public != Witness.read(WHO, None).key.public
    said = verify(statement_of(finished(first)))
    assert (said["node"], said["returned"], said["residency"]) == ("w1", {"inference_geo": "us"}, ["CA"])
    assert (said["endpoint"]["host"], said["endpoint"]["address"]) == ("a.example", "192.0.2.7")


def test_a_key_file_of_another_size_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "worker.key"
    path.write_bytes(b"k" * 31)
    with pytest.raises(ValueError, match="NI_WORKER_KEY_FILE"):
        Witness.read(WHO, path)


def test_another_workers_key_does_not_make_the_statement_its_own() -> None:
    said = statement_of(finished(Witness.read(WHO, None)))
    said["public_key"] = Witness.read(WHO, None).key.public.hex()
    with pytest.raises(Refused):
        verify(said)
