"""Changes to the world: one module per effect, each under preconditions."""
