"""Why is the promise broken? Pure: observations in, ranked causes with their evidence out."""
