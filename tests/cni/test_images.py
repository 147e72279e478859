"""Image references and the hosts of ECR."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from webhook.cni.images import (
    ACCOUNTS,
    PARTITIONS,
    REPOSITORIES,
    EcrHost,
    Image,
    ecr_host,
    official_image,
    parse_image,
    partition_of,
    registry_for,
)

OREGON = "602401143452.dkr.ecr.us-west-2.amazonaws.com"
SHA = "sha256:" + "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("text", "image"),
    [
        (f"{OREGON}/amazon-k8s-cni:v1.23.1", Image(OREGON, "amazon-k8s-cni", "v1.23.1")),
        (f"{OREGON}/amazon-k8s-cni@{SHA}", Image(OREGON, "amazon-k8s-cni", None, SHA)),
        (f"{OREGON}/amazon-k8s-cni:v1.23.1@{SHA}", Image(OREGON, "amazon-k8s-cni", "v1.23.1", SHA)),
        ("amazon-k8s-cni", Image("docker.io", "amazon-k8s-cni")),
        ("mirror/amazon-k8s-cni:v1", Image("docker.io", "mirror/amazon-k8s-cni", "v1")),
        ("localhost/cni", Image("localhost", "cni")),
        ("localhost:5000/cni:v1", Image("localhost:5000", "cni", "v1")),
        ("mirror:5000/a/b/amazon-k8s-cni:v1.22.4", Image("mirror:5000", "a/b/amazon-k8s-cni", "v1.22.4")),
        ("[2001:db8::1]:5000/cni:v1", Image("[2001:db8::1]:5000", "cni", "v1")),
        ("Registry.Example.com/cni", Image("Registry.Example.com", "cni")),
        ("cni:5000", Image("docker.io", "cni", "5000")),
        ("x.io/b_c__d-e---f", Image("x.io", "b_c__d-e---f")),
    ],
)
def test_references(text: str, image: Image) -> None:
    assert parse_image(text) == image


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/",
        "/cni",
        "x.io/",
        "x.io//cni",
        "x.io/cni/",
        "x.io/CNI:v1",
        "CNI",
        "Mirror/cni",
        "x.io/cni:",
        "x.io/cni@",
        "x.io/cni:v1:v2",
        "x.io/cni:.v1",
        "x.io/cni:" + "v" * 129,
        "x.io/cni:vér",
        "x.io/cni@sha256:0123",
        f"x.io/cni@{SHA}0",
        f"x.io/cni@{SHA.upper()}",
        "x.io/cni@md5:" + "0" * 32,
        f"x.io/cni@{SHA}:v1",
        "x.io/.cni",
        "x.io/cni.",
        "x.io/c..ni",
        "x.io/c___ni",
        "-x.io/cni",
        "x-.io/cni",
        "x.io:/cni",
        "x.io:port/cni",
        "x_y.io/cni",
        "https://x.io/cni",
        " x.io/cni",
        "x.io/cni ",
        "x.io/cni\n",
        "x.io/cni:v1\n",
        "x.io\n/cni",
        "x.io/c\tni",
        "x.io/c\x00ni",
        "x.io/" + "c" * 256,
        "0123456789abcdef" * 4,
    ],
)
def test_no_references(text: str) -> None:
    assert parse_image(text) is None


@pytest.mark.parametrize(
    ("text", "basename"),
    [
        (f"{OREGON}/amazon/aws-network-policy-agent:v1.4.2", "aws-network-policy-agent"),
        ("mirror.example.com/eks/amazon-k8s-cni:v1.23.1", "amazon-k8s-cni"),
        ("amazon-k8s-cni-init", "amazon-k8s-cni-init"),
    ],
)
def test_basename(text: str, basename: str) -> None:
    image = parse_image(text)
    assert image is not None
    assert image.basename == basename


TEXTS = st.text() | st.text(alphabet="aA0./:@-_[]\n ", max_size=40)


@given(TEXTS)
@example("a" * 1_000_000)
@example("a-" * 510)
@example("a." * 500 + "/b")
@example("\ud800/cni")
def test_a_reference_can_be_any_text(text: str) -> None:
    image = parse_image(text)
    if image is not None:
        assert parse_image(str(image)) == image
        assert str(image).endswith(text)


@given(TEXTS)
@example("1" * 1_000_000)
@example("602401143452.dkr.ecr." + "a-" * 100_000)
@example("\ud800")
def test_a_host_can_be_any_text(text: str) -> None:
    host = ecr_host(text)
    assert host is None or host.host == text


@pytest.mark.parametrize(
    ("text", "host"),
    [
        (OREGON, EcrHost("602401143452", "us-west-2", "aws")),
        (
            "123456789012.dkr.ecr-fips.us-east-1.amazonaws.com",
            EcrHost("123456789012", "us-east-1", "aws", fips=True),
        ),
        ("123456789012.dkr-ecr.eu-west-1.on.aws", EcrHost("123456789012", "eu-west-1", "aws", dual_stack=True)),
        (
            "123456789012.dkr-ecr-fips.us-gov-west-1.on.aws",
            EcrHost("123456789012", "us-gov-west-1", "aws-us-gov", fips=True, dual_stack=True),
        ),
        (
            "961992271922.dkr.ecr.cn-northwest-1.amazonaws.com.cn",
            EcrHost("961992271922", "cn-northwest-1", "aws-cn"),
        ),
        (
            "961992271922.dkr-ecr.cn-north-1.on.amazonwebservices.com.cn",
            EcrHost("961992271922", "cn-north-1", "aws-cn", dual_stack=True),
        ),
        ("123456789012.dkr.ecr.us-iso-east-1.c2s.ic.gov", EcrHost("123456789012", "us-iso-east-1", "aws-iso")),
        ("123456789012.dkr.ecr.eusc-de-east-1.amazonaws.eu", EcrHost("123456789012", "eusc-de-east-1", "aws-eusc")),
        ("123456789012.dkr.ecr.xx-central-9.amazonaws.com", EcrHost("123456789012", "xx-central-9", "aws")),
    ],
)
def test_hosts_of_ecr(text: str, host: EcrHost) -> None:
    assert ecr_host(text) == host
    assert host.host == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        OREGON + ".evil.io",
        OREGON + ".cn",
        OREGON + ".",
        OREGON + "\n",
        OREGON + ":443",
        OREGON.upper(),
        "evil." + OREGON,
        "evil-" + OREGON,
        "1" + OREGON,
        OREGON[1:],
        OREGON.replace("com", "co"),
        OREGON.replace("amazonaws.com", "amazonawsXcom"),
        OREGON.replace(".dkr.", "-dkr-"),
        OREGON.replace("amazonaws.com", "on.aws"),
        OREGON.replace("us-west-2", "cn-north-1"),
        OREGON.replace("us-west-2", "us-iso-east-1"),
        OREGON.replace("us-west-2", ""),
        OREGON.replace("6", "٦"),
        "602401143452.dkr-ecr.us-west-2.amazonaws.com",
        "602401143452.dkr.ecr-fips-fips.us-west-2.amazonaws.com",
        "public.ecr.aws",
        "docker.io",
    ],
)
def test_hosts_that_only_look_like_ecr(text: str) -> None:
    assert ecr_host(text) is None


@pytest.mark.parametrize(
    ("region", "registry"),
    [
        ("us-west-2", OREGON),
        ("us-gov-east-1", "151742754352.dkr.ecr.us-gov-east-1.amazonaws.com"),
        ("us-gov-west-1", "013241004608.dkr.ecr.us-gov-west-1.amazonaws.com"),
        ("cn-northwest-1", "961992271922.dkr.ecr.cn-northwest-1.amazonaws.com.cn"),
        ("il-central-1", "066635153087.dkr.ecr.il-central-1.amazonaws.com"),
        ("mx-central-1", "730335286997.dkr.ecr.mx-central-1.amazonaws.com"),
        ("us-iso-east-1", "725322719131.dkr.ecr.us-iso-east-1.c2s.ic.gov"),
        ("us-isob-east-1", "187977181151.dkr.ecr.us-isob-east-1.sc2s.sgov.gov"),
        ("us-isof-south-1", "676585237158.dkr.ecr.us-isof-south-1.csp.hci.ic.gov"),
        ("eu-isoe-west-1", "249663109785.dkr.ecr.eu-isoe-west-1.cloud.adc-e.uk"),
        ("us-west-9", None),
        ("", None),
    ],
)
def test_registry_of_a_region(region: str, registry: str | None) -> None:
    assert registry_for(region) == registry


@pytest.mark.parametrize("region", sorted(ACCOUNTS))
def test_every_registry_is_a_host_of_ecr(region: str) -> None:
    partition = partition_of(region).name
    assert ecr_host(registry_for(region) or "") == EcrHost(ACCOUNTS[region], region, partition)


@given(st.text())
def test_every_region_has_a_partition(region: str) -> None:
    assert partition_of(region) in PARTITIONS


def test_official_images_are_references() -> None:
    for container, repository in REPOSITORIES.items():
        image = parse_image(official_image(container, "v1.2.3", "us-west-2") or "")
        assert image == Image(OREGON, repository, "v1.2.3")
        assert official_image(container, "v1.2.3", "nowhere") is None
