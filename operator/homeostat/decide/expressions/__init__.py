"""Expressions that policies hold, in CEL behind guards: what may be said in one, and what it comes to."""
