"""The pretend outside world: a DNS zone server and an SMTP sink, for one machine without the internet."""
