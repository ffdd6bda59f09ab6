"""A command."""


def command() -> None:
    """Say what it does."""
