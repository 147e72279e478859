"""The reference of the rules for people and programs: the index, the page, and `cni-guard explain`."""
