"""Syntax tree → readable Python source, one function an action, on plain values."""
