"""Is the promise kept? Pure: looks in, states out."""
