"""The walls of the house stand: each rule runs over every module, and says file, line and rule where it is broken."""

from tests.architecture import imports, inside
from tests.architecture.sources import ROOT, house


def refused(violations: list[str]) -> str:
    return "\n".join(["", *violations])


def test_the_walls_see_the_house() -> None:
    seen = {module.path for module in house(ROOT)}
    assert {"libs/contracts/subjects.py", "libs/bus/base.py", "libs/runtime/run.py"} <= seen


def test_services_do_not_import_each_other() -> None:
    found = imports.sisters(ROOT)
    assert not found, refused(found)


def test_libs_import_only_what_lies_below_them() -> None:
    found = imports.upward(ROOT)
    assert not found, refused(found)


def test_nothing_in_the_street_imports_the_command_line_or_the_tests() -> None:
    found = imports.into_the_street(ROOT)
    assert not found, refused(found)


def test_foreign_packages_come_in_through_their_door() -> None:
    found = imports.doors(ROOT)
    assert not found, refused(found)


def test_no_modules_import_each_other_in_a_circle() -> None:
    found = imports.circles(ROOT)
    assert not found, refused(found)


def test_domains_are_pure() -> None:
    found = inside.impure_domains(ROOT)
    assert not found, refused(found)


def test_inits_are_empty() -> None:
    found = inside.full_inits(ROOT)
    assert not found, refused(found)


def test_rooms_are_named_by_what_they_do() -> None:
    found = inside.nameless(ROOT)
    assert not found, refused(found)


def test_subjects_are_made_in_their_catalogue() -> None:
    found = inside.homemade_subjects(ROOT)
    assert not found, refused(found)


def test_the_environment_is_read_in_settings_and_never_at_import() -> None:
    found = inside.environment(ROOT)
    assert not found, refused(found)


def test_importing_a_module_opens_nothing() -> None:
    found = inside.work_at_import(ROOT)
    assert not found, refused(found)
