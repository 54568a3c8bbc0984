"""Suppressions over HTTP, and the page by which recipients unsubscribe."""
