"""Importers of exports of shop systems, product feeds and analytics tools."""
