"""What a policy can do: one module per action, each of the same shape."""
