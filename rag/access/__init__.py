"""Who may do what: keys of tenants, and the operator's."""
