"""HTTP: wire formats, routes, errors. No decision about answers is made here."""
