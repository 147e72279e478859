"""Certificates for the webhook. Knows nothing of the judgement, nor that of it."""
