"""A file for each verb, with ``handle``: what it does, and what becomes its tagged reply. states.py names them all."""
