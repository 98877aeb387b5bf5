"""Did it help? Pure: a baseline and the looks since the act in, a verdict out."""
