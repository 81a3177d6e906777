"""Tools that map classes and recordings to biophony, geophony and anthrophony."""
