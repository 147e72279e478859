"""ENIC-001: what is wrong with the subnet of an ENIConfig."""

import pytest

from tests.rules.ask import said
from webhook.catalogue.examples import ENIConfig

LOWER = "must be lower case"


def remedy(subnet: str) -> tuple[str, str]:
    """What is wrong with a subnet, and what to do."""
    config = ENIConfig(spec={"subnet": subnet, "securityGroups": ["sg-0123456789abcdef0"]})
    (found,) = said("ENIC-001", config.build(), kind="ENIConfig")
    assert found.level == "deny"
    return found.problem.wrong, found.problem.remedy


@pytest.mark.parametrize("subnet", ["subnet-0123456789ABCDEF0", "subnet-0123456789abcdeF0", "subnet-ABCDEF01"])
def test_a_subnet_in_upper_case_is_told_so(subnet: str) -> None:
    wrong, write = remedy(subnet)
    assert LOWER in wrong
    assert write == f"Write {subnet.lower()}"
    mended = ENIConfig(spec={"subnet": write.removeprefix("Write "), "securityGroups": ["sg-0123456789abcdef0"]})
    assert said("ENIC-001", mended.build(), kind="ENIConfig") == []


@pytest.mark.parametrize(
    "subnet", ["subnet-0123456789ABCDEF", "subnet-XYZ", "Subnet-01234567", "subnet-0123456A\n", ""]
)
def test_another_fault_is_not_called_one_of_case(subnet: str) -> None:
    wrong, write = remedy(subnet)
    assert LOWER not in wrong
    assert "8 or 17 hexadecimal digits" in write
