"""Texts of tables as times and prices."""
