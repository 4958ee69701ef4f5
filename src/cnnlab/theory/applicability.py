class NotApplicable(Exception):
    """The theory says nothing about this network or initializer; the message says why, in a clause."""
