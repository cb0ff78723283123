"""Checks: from a model, a spec or a binding to a verdict."""
