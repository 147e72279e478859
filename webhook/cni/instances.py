"""Instance types on which prefixes are not to be had.

Source: the EC2 user guide, "Instances built on the AWS Nitro System": families that run on Xen. Their bare metal sizes,
where they have any, are Nitro.
"""

_XEN_FAMILIES = "c1 c3 c4 cc2 cr1 d2 f1 g2 g3 g3s h1 hs1 i2 i3 m1 m2 m3 m4 p2 p3 r3 r4 t1 t2 x1 x1e"
_XEN = frozenset(_XEN_FAMILIES.split())


def is_xen(instance_type: str) -> bool:
    """Whether an instance type, such as ``m4.large``, has no Nitro hypervisor; a type that is not known has one."""
    return instance_type.partition(".")[0] in _XEN and not is_metal(instance_type)


def is_metal(instance_type: str) -> bool:
    """Whether it is a bare metal size, such as ``i3.metal`` or ``m7i.metal-24xl``."""
    return instance_type.partition(".")[2].startswith("metal")
