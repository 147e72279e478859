"""Facts about the Amazon VPC CNI: its releases, variables, images, agents, and its DaemonSet.

Typed tables and the readers of values. Whether a value is a problem is decided in `webhook/rules/`.
"""
