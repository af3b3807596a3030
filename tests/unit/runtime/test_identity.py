"""Who a process says that it is."""

import time
from pathlib import Path

import pytest

from libs.runtime.identity import Identity, source_digest
from libs.runtime.settings import Settings, read


def test_a_hop_says_who_where_and_when() -> None:
    identity = Identity.of(Settings(build="sha256:abc", place="CA/ca-central-1"), "router", "b1")
    hop = identity.hop()
    assert (hop.role, hop.node, hop.build, hop.place) == ("router", "b1", "sha256:abc", "CA/ca-central-1")
    assert abs(hop.at_ms / 1000 - time.time()) < 5


def test_without_a_build_the_source_is_named_and_any_change_of_it_shows(tmp_path: Path) -> None:
    assert Identity.of(Settings(), "router", "b1").build == source_digest()
    (tmp_path / "libs").mkdir()
    module = tmp_path / "libs" / "one.py"
    seen = set()
    for name, text in (("one.py", "1"), ("one.py", "2"), ("two.py", "2")):
        module.unlink(missing_ok=True)
        module = tmp_path / "libs" / name
        module.write_text(text)
        source_digest.cache_clear()
        seen.add(source_digest(tmp_path))
    source_digest.cache_clear()
    assert len(seen) == 3
    assert all(each.startswith("source:") and len(each) == 47 for each in seen)


@pytest.mark.parametrize("place", ["Canada", "ca", "CA/", "CA/Ünter", "CA/x\n"])
def test_a_place_that_cannot_be_one_is_refused(place: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        read(Settings, {"NI_PLACE": place})
    assert "NI_PLACE" in capsys.readouterr().err
