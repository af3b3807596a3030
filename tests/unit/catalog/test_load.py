"""Reading and refusing: every problem has its sentence, and nothing but CatalogError ever comes out."""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.catalog.load import CatalogError, load
from libs.catalog.model import Limits, Tier
from tests.unit.catalog.small import FILES

Write = Callable[..., Path]


def spoilt(name: str, old: str, new: str) -> str:
    assert old in FILES[name], f"the test's own catalogue has no {old!r}"
    return FILES[name].replace(old, new, 1)


def problems(folder: Path) -> str:
    with pytest.raises(CatalogError) as caught:
        load(folder)
    assert isinstance(caught.value, ValueError)
    assert str(caught.value) == "\n".join(caught.value.problems)
    return str(caught.value)


def test_a_whole_catalogue_loads(write: Write) -> None:
    catalog = load(write())
    route = catalog.route("bedrock/maker.small-ca")
    assert route is not None
    assert (route.egress, route.tier, route.suffix) == ("bedrock", Tier.MANAGED_CANADIAN_CLOUD, "ca")
    assert catalog.by_native_id("small") == (route,)
    assert catalog.by_native_id("large") == ()
    assert catalog.egress_of(route).declared_hosts == ()
    assert catalog.card_of(route).rates.cache_read == catalog.card_of(route).rates.input == 1_000_000_000


def test_routes_may_be_spread_over_a_folder(write: Write) -> None:
    folder = write(routes=None)
    (folder / "routes").mkdir()
    (folder / "routes" / "a.toml").write_text(FILES["routes"])
    assert list(load(folder).routes) == ["bedrock/maker.small-ca"]
    (folder / "routes" / "b.toml").write_text(FILES["routes"])
    assert problems(folder) == "routes/b.toml: route bedrock/maker.small-ca: there is another one of this id"


def test_families_may_be_spread_over_a_folder_and_come_in_the_files_order(write: Write) -> None:
    folder = write()
    (folder / "models").mkdir()
    (folder / "models" / "b.toml").write_text(FILES["models"].replace('"small"', '"large"'))
    (folder / "models" / "a.toml").write_text(FILES["models"].replace('"small"', '"huge"'))
    assert list(load(folder).families) == ["small", "huge", "large"]
    (folder / "models" / "c.toml").write_text(FILES["prices"])
    assert problems(folder) == "models/c.toml: nobody knows 'price' there"


def test_a_file_of_routes_may_hold_the_prices_of_its_own_routes(write: Write) -> None:
    catalog = load(write(prices="", routes=FILES["prices"] + FILES["routes"]))
    assert set(catalog.rate_cards) == {"small.2026"}
    assert "price small.2026: there is another one of this id" in problems(
        write(prices=FILES["prices"], routes=FILES["prices"] + FILES["routes"])
    )


def test_a_route_of_a_profile_may_name_more_jurisdictions_than_its_id_ends_in(write: Write) -> None:
    routes = spoilt("routes", "bedrock/maker.small-ca", "bedrock/us.maker.small-us").replace(
        'model = "maker.small"', 'model = "us.maker.small"'
    )
    route = load(write(routes=routes.replace('["CA"]', '["CA", "US"]'))).routes["bedrock/us.maker.small-us"]
    assert (route.suffix, route.processing.jurisdictions) == ("us", ("CA", "US"))
    assert "its id ends in -us, but it may be processed in FR" in problems(
        write(routes=routes.replace('["CA"]', '["FR"]'))
    )


def test_a_route_knows_its_family_and_how_to_ask_it(write: Write) -> None:
    models = (
        FILES["models"].replace('thinking = "none"', 'thinking = "budget"').replace("prefill = true", "prefill = false")
    )
    route = load(
        write(models=models, routes=FILES["routes"] + "capabilities = { structured_outputs = true }\n")
    ).routes["bedrock/maker.small-ca"]
    found = route.capabilities
    assert (route.family, found.thinking.value, found.prefill, found.structured_outputs) == (
        "small",
        "budget",
        False,
        True,
    )


def test_the_digest_changes_with_any_byte_of_any_file(write: Write) -> None:
    digests = {
        load(write()).digest,
        load(write(prices=FILES["prices"] + "\n")).digest,
        load(write(models=FILES["models"] + "\n")).digest,
        load(write(routes=FILES["routes"] + "\n")).digest,
    }
    assert len(digests) == 4
    assert load(write()).digest in digests


def test_a_route_overrides_single_limits_and_capabilities(write: Write) -> None:
    models = FILES["models"] + "limits = { first_event_s = 300, whole_s = 900 }\n"
    routes = FILES["routes"] + "limits = { whole_s = 60 }\ncapabilities = { context_window = 4096 }\n"
    route = load(write(models=models, routes=routes)).routes["bedrock/maker.small-ca"]
    assert route.limits == Limits(first_event_s=300, whole_s=60)
    assert (route.capabilities.context_window, route.capabilities.max_output_tokens) == (4096, 2048)


ROUTE = "routes.toml: route bedrock/maker.small-ca: "

SPOILT_ROUTES = [
    ('egress = "bedrock"', 'egress = "mars"', ROUTE + "there is no egress 'mars'"),
    ('family = "small"', 'family = "big"', ROUTE + "there is no model family 'big'"),
    ('rate_card = "small.2026"', 'rate_card = "small.2027"', ROUTE + "there is no rate card 'small.2027'"),
    ('rate_card = "small.2026"', "", ROUTE + "rate_card: Field required"),
    ('processing = ["CA"]', 'processing = ["*"]', ROUTE + "its id ends in -ca, but it may be processed in *"),
    ('processing = ["CA"]', 'processing = ["CA", "US"]', "it may be processed in CA and US"),
    ('processing = ["CA"]', 'processing = ["CA", "*"]', '"*" alone means anywhere'),
    ('processing = ["CA"]', 'processing = ["Canada"]', ROUTE + "processing.0: "),
    ('egress = "bedrock"', 'egress = "openai"', "its id ends in -ca, but the egress openai is entered in US"),
    ('egress = "bedrock"', 'egress = "openai"', "its tier is managed_canadian_cloud, but the egress openai is"),
    ('model = "maker.small"', 'model = "global.maker.small"', 'global. profile: its processing must be ["*"], not CA'),
    (
        'evidence = "asserted"',
        'scope = "global"\nevidence = "asserted"',
        "its scope is said to be global, but its address",
    ),
    ('evidence = "asserted"', 'scope = "galaxy"\nevidence = "asserted"', ROUTE + "scope: "),
    ('model = "maker.small"', 'model = "us.maker.small"', "us. profile, but its processing is said to be in CA"),
    ('model = "maker.small"', 'model = "eu.maker.small"', "eu. profile, but its processing is said to be in CA"),
    ('model = "maker.small"', 'model = "xx.maker.small"', "xx. profile, but its processing is said to be in CA"),
    ('model = "maker.small"', 'model = "arn:aws:bedrock:x"', "an ARN, which does not show where it runs"),
    ('evidence = "asserted"', 'evidence = "observed"', "which only a worker can state"),
    ('evidence = "asserted"', 'evidence = "rumour"', ROUTE + "evidence: "),
    ('tier = "managed_canadian_cloud"', 'tier = "cloud"', ROUTE + "tier: "),
    ("created = 2026-01-01", 'created = "yesterday"', ROUTE + "created: "),
    ("created = 2026-01-01", "created = 2026-01-01\ncolour = 1", ROUTE + "colour: "),
    ('native_ids = ["small"]', 'native_ids = ["bedrock/maker.small-ca"]', "its own id among its native_ids"),
    ("bedrock/maker.small-ca", "bedrock/maker.small", "its id does not end in -<jurisdiction>"),
    ("bedrock/maker.small-ca", "bedrock/maker.small-global", "ends in -global, but its processing is said to be in CA"),
    ("bedrock/maker.small-ca", "bedrock/maker.small-us", "its id ends in -us, but it may be processed in CA"),
    ("bedrock/maker.small-ca", "bedrock/maker\\r\\nx-ca", "id: "),
    ("[[route]]", "[route]", "routes.toml: route is not a list of tables; write [[route]]"),
    ("[[route]]", "[[rout]]", "routes.toml: nobody knows 'rout' there"),
    ("[[route]]", "[[route", "routes.toml: it is not TOML"),
]


@pytest.mark.parametrize(("old", "new", "sentence"), SPOILT_ROUTES)
def test_a_spoilt_route_is_refused_in_a_sentence(write: Write, old: str, new: str, sentence: str) -> None:
    assert sentence in problems(write(routes=spoilt("routes", old, new)))


@pytest.mark.parametrize(
    ("name", "old", "new", "sentence"),
    [
        ("egresses", "https://bedrock", "http://bedrock", "egresses.toml: egress bedrock: its base_url is not https"),
        ("egresses", "runtime.ca-central-1", "runtime.us-east-1", "does not name the region ca-central-1 that is"),
        ("egresses", "runtime.ca-central-1", "runtime.xca-central-12", "does not name the region ca-central-1 that is"),
        ("egresses", 'credentials = [["OWN_URL"]]', 'credentials = [["OWN_KEY"]]', "must name OWN_URL"),
        ("egresses", 'credentials = [["OWN_URL"]]', "credentials = []", "egress own: credentials: "),
        ("egresses", 'name = "openai"', 'name = "bedrock"', "egress bedrock: there is another one of this name"),
        ("egresses", 'name = "openai"', "", "egresses.toml: egress number 2: name: Field required"),
        ("egresses", 'provider = "OpenAI"', 'provider = "Open\\r\\nAI"', "egress openai: provider: "),
        ("models", '["text"]', '["text", "image"]', "supports_vision and the modality image do not agree"),
        ("models", "sampling =", 'patterns = ["("]\nsampling =', "models.toml: model small: patterns.0: "),
        ("models", 'thinking = "none"', 'thinking = "hard"', "models.toml: model small: thinking: "),
        ("models", "prefill = true\n", "", "models.toml: model small: prefill: Field required"),
        ("models", "= 8192", "= 1024", "its max_output_tokens is more than its context_window"),
        ("models", "= 1024", "= 4096", "its default_max_tokens is more than its max_output_tokens"),
        ("models", "= 8192", '= "8192"', "models.toml: model small: context_window: "),
        ("prices", '"1.00"', "1.00", "prices.toml: price small.2026: input: "),
        ("prices", '"1.00"', '"-1.00"', "prices.toml: price small.2026: input: "),
        ("prices", 'output = "2.00"', "", "prices.toml: price small.2026: output: Field required"),
    ],
)
def test_other_spoilt_files_are_refused_in_a_sentence(
    write: Write, name: str, old: str, new: str, sentence: str
) -> None:
    assert sentence in problems(write(**{name: spoilt(name, old, new)}))


def test_every_problem_is_told_at_once_and_a_faulty_entry_is_told_once(write: Write) -> None:
    told = problems(
        write(
            egresses=spoilt("egresses", 'provider = "Bedrock"', "provider = 1"),
            prices=spoilt("prices", '"2.00"', '"two"'),
            routes=FILES["routes"]
            + FILES["routes"].replace("maker.small-ca", "maker.other-ca").replace("small.2", "x."),
        )
    ).splitlines()
    assert len(told) == 3
    assert [line.split(": ")[1] for line in told] == [
        "egress bedrock",
        "price small.2026",
        "route bedrock/maker.other-ca",
    ]


def test_a_native_id_may_not_be_a_routes_id(write: Write) -> None:
    second = (
        FILES["routes"].replace("maker.small-ca", "maker.other-ca").replace('["small"]', '["bedrock/maker.small-ca"]')
    )
    assert "its native id 'bedrock/maker.small-ca' is the id of a route" in problems(
        write(routes=FILES["routes"] + second)
    )


def test_a_self_hosted_id_may_end_like_a_country_without_meaning_it(write: Write) -> None:
    routes = FILES["routes"]
    for old, new in (
        ("bedrock/maker.small-ca", "google/gemma-3-27b-it"),
        ('egress = "bedrock"', 'egress = "own"'),
        ("managed_canadian_cloud", "self_hosted"),
    ):
        routes = routes.replace(old, new)
    assert load(write(routes=routes)).routes["google/gemma-3-27b-it"].suffix == ""


def test_missing_files_are_named(tmp_path: Path) -> None:
    told = problems(tmp_path / "nowhere")
    for name in ("egresses.toml", "models.toml", "prices.toml"):
        assert f"{name}: it cannot be read (No such file or directory)" in told
    assert "routes.toml: there is neither this file nor one in routes/" in told


@pytest.mark.parametrize("text", [b"\xff\xfe", b"a = " + b"[" * 5000, b"a = " + b"9" * 5000, b"\x00", b"a = 1\na = 2"])
def test_bytes_that_are_no_toml_are_refused_as_such(write: Write, text: bytes) -> None:
    folder = write()
    (folder / "routes.toml").write_bytes(text)
    assert "routes.toml: it is not TOML" in problems(folder)


SCALARS = st.one_of(
    st.booleans().map(lambda b: str(b).lower()),
    st.integers().map(str),
    st.floats().map(str),
    st.dates().map(str),
    st.datetimes().map(lambda d: d.isoformat()),
    st.times().map(lambda t: t.isoformat()),
    st.text(st.characters(min_codepoint=32, max_codepoint=0x2FFF, exclude_characters='"\\\x7f')).map(
        lambda t: f'"{t}"'
    ),
    st.sampled_from(['"CA"', '"*"', '"bedrock"', '"openai"', '"small"', '"global.x"', '"x-ca"', '"arn:x"', '"none"']),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]"),
        inner.map(lambda item: f"{{ first = {item} }}"),
    ),
    max_leaves=4,
)
LINES = {
    name: [n for n, line in enumerate(text.splitlines()) if " = " in line] for name, text in FILES.items()
}  # those that a value can be put into


@settings(max_examples=300)
@given(data=st.data())
def test_any_value_in_any_place_loads_or_is_refused_as_a_catalog_error(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(FILES)))
    lines = FILES[name].splitlines()
    place = data.draw(st.sampled_from(LINES[name]))
    lines[place] = f"{lines[place].split(' = ')[0]} = {data.draw(VALUES)}"
    texts = {**FILES, name: "\n".join(lines)}
    with TemporaryDirectory() as folder:
        for file, text in texts.items():
            (Path(folder) / f"{file}.toml").write_text(text)
        _loads_or_says_why(Path(folder))


@settings(max_examples=150)
@given(junk=st.one_of(st.binary(max_size=80), VALUES.map(lambda v: f"route = {v}\n".encode())))
def test_any_bytes_load_or_are_refused_as_a_catalog_error(junk: bytes) -> None:
    with TemporaryDirectory() as folder:
        for file in FILES:
            (Path(folder) / f"{file}.toml").write_bytes(junk)
        _loads_or_says_why(Path(folder))


def _loads_or_says_why(folder: Path) -> None:
    told: tuple[str, ...] | None = None
    try:
        load(folder)
    except CatalogError as error:
        told = error.problems
    assert told is None or all(problem.partition(": ")[2] for problem in told)
    assert told != ()
