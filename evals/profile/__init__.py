"""Where the time goes: of a request by its stages, of the service by its functions."""
