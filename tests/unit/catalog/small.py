"""A small catalogue as text, for tests that spoil it."""

EGRESSES = """
[[egress]]
name = "bedrock"
provider = "Bedrock"
wire = "bedrock"
region = "ca-central-1"
jurisdiction = "CA"
base_url = "https://bedrock-runtime.ca-central-1.amazonaws.com"
base_url_env = "AWS_ENDPOINT_URL_BEDROCK_RUNTIME"
credentials = [["AWS_PROFILE"]]
sandbox_path = "/bedrock/ca-central-1"
source = "a page"
checked = 2026-11-20

[[egress]]
name = "openai"
provider = "OpenAI"
wire = "openai"
region = "us"
jurisdiction = "US"
base_url = "https://api.openai.com/v1"
base_url_env = "OPENAI_BASE_URL"
api_key_env = "OPENAI_API_KEY"
credentials = [["OPENAI_API_KEY"]]
sandbox_path = "/openai/v1"
source = "a page"
checked = 2026-11-20

[[egress]]
name = "own"
provider = "Self-hosted"
wire = "openai"
region = "here"
jurisdiction = "CA"
base_url = ""
base_url_env = "OWN_URL"
credentials = [["OWN_URL"]]
sandbox_path = "/own/v1"
source = "the operator"
checked = 2026-11-20
"""

MODELS = """
[[model]]
family = "small"
owner = "maker"
supports_vision = false
modalities = ["text"]
context_window = 8192
max_output_tokens = 2048
supports_function_calling = true
supports_streaming = true
supports_reasoning = false
sampling = "both"
thinking = "none"
structured_outputs = false
prefill = true
default_max_tokens = 1024
source = "a page"
checked = 2026-11-20
"""

PRICES = """
[[price]]
id = "small.2026"
currency = "USD"
input = "1.00"
output = "2.00"
from = 2026-01-01
source = "a page"
checked = 2026-11-20
"""

ROUTES = """
[[route]]
id = "bedrock/maker.small-ca"
egress = "bedrock"
model = "maker.small"
family = "small"
tier = "managed_canadian_cloud"
processing = ["CA"]
evidence = "asserted"
native_ids = ["small"]
rate_card = "small.2026"
created = 2026-01-01
source = "a page"
checked = 2026-11-20
"""

BILLING = """
[[markup]]
tier = "managed_canadian_cloud"
percent = "10"
from = 2026-01-01
source = "the operator"

[[markup]]
tier = "provider_api"
percent = "5"
from = 2026-01-01
source = "the operator"

[[markup]]
tier = "self_hosted"
percent = "0"
from = 2026-01-01
source = "the operator"

[[byok]]
percent = "2.5"
from = 2026-01-01
source = "the operator"
"""

EXCHANGE = """
[[rate]]
from = "USD"
to = "CAD"
rate = "1.25"
date = 2026-01-01
source = "a bank"
"""

FILES = {
    "egresses": EGRESSES,
    "models": MODELS,
    "prices": PRICES,
    "routes": ROUTES,
    "billing": BILLING,
    "exchange": EXCHANGE,
}
