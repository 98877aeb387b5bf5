"""What is done about it, on whose authority, within which bounds? Pure: a finding in, a decision out."""
