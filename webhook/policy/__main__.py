"""``python -m webhook.policy`` prints the JSON Schema of a policy file."""

import json
import sys

from webhook.policy.schema import schema

sys.stdout.write(json.dumps(schema(), indent=2) + "\n")
