"""Suppressions: addresses and domains that a workspace writes to no more, and what that stops."""
