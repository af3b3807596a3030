"""`ni up` whose services read the configuration folder in NI_CONFIG_DIR: by itself it gives them the shipped one."""

import os
from dataclasses import replace
from typing import Any

from cli.__main__ import main
from libs.embedded import programs

_made = programs._service


def _configured(*given: Any, **named: Any) -> programs.Program:
    program = _made(*given, **named)
    return replace(program, env={**program.env, "NI_CONFIG_DIR": os.environ["NI_CONFIG_DIR"]})


if __name__ == "__main__":
    programs._service = _configured
    main(["up"])
