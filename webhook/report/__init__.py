"""The report of `cni-guard check`: one frozen value, and the formats that render it (`formats`)."""
