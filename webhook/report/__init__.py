"""The report of `cni-guard check`, and its formats, each a pure function of the report."""
