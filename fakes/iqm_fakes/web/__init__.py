"""How requests reach a fake server: its REST API, in the process or over a loopback socket."""
