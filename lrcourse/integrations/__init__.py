"""`lrcourse.trace` for loops that somebody else has written: a callback for each library.

Each module here imports its library, and nothing imports these modules unless you do.
"""
