"""`goeswith kinds`: the table of product kinds, and what a shop makes of it."""
