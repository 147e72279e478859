"""What holds for every test."""

from hypothesis import settings

# A deadline would judge the machine, not the code.
settings.register_profile("cni-guard", deadline=None)
settings.load_profile("cni-guard")
