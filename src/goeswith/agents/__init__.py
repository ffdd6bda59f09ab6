"""A bundle as tools for agents: the Model Context Protocol (extra `mcp`)."""
