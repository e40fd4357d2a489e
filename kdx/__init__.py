"""kdx: save the data that lie on file servers inside schools, and prove it."""

__version__ = "0.1.0"
