"""The guard between a keyboard and the network of an EKS cluster."""

__version__ = "0.1.0"
