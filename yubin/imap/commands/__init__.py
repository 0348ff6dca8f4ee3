"""The commands: a file for each verb, with what it says (a frozen dataclass) and how that is read (``parse``)."""
