"""The page: why this film, how the last ones did, and whether all is well. Read on the LAN."""
