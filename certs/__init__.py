"""Certificates and registration for the webhook. Independent of `webhook`: neither package imports the other."""
