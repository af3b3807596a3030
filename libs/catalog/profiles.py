"""Bedrock's cross-region inference profiles, known by the beginning of a model's id: `us.anthropic.claude-…`."""

import re
from typing import Final

# A bare id begins with its maker's name, which is longer: a prefix that AWS adds tomorrow is a profile as well.
PROFILE: Final = re.compile(r"^(global|apac|[a-z]{2}(?:-[a-z]+)?)\.(?=[a-z0-9-]+\.)")
