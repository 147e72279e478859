"""What the Amazon VPC CNI is: its releases, variables, images, agents, and the shape of its DaemonSet.

Facts as typed tables, without an opinion. A new release of the CNI is an edit of these tables; what a rule makes of
them stands elsewhere. Only the standard library is used here.
"""
