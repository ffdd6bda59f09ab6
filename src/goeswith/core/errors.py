"""Errors that a user can fix: shown as one message without a traceback, exit code 2."""

from __future__ import annotations


class GoesWithError(Exception):
    """Base class of all errors of the package."""


class DataError(GoesWithError):
    """A table, file or row that cannot be used."""


class ConfigError(GoesWithError):
    """A setting that does not exist or has a value out of range."""


class BundleError(GoesWithError):
    """A bundle that is damaged, incomplete, or of a newer format."""


class StorageError(GoesWithError):
    """A disk that is full, or a folder that cannot be written to."""


class UnknownProductError(GoesWithError):
    """A product id that the catalogue does not hold.

    `product_id` is that id, where the error concerns a single product.
    """

    product_id: str | None = None


class LeakError(GoesWithError):
    """A training matrix that contains a pair held out for testing."""
