"""`goeswith label`."""
