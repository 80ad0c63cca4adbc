"""A laboratory: private MTAs, Redis and floodgate, all on loopback."""
