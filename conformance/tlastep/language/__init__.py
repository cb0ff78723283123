"""TLA+ text as a typed syntax tree: what SANY says, with every name resolved."""
