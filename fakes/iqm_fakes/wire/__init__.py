"""What goes over the wire between a client and a server: submissions, results, states and error codes."""
