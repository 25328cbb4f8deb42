"""Python surface."""
from gpualloc._errors import ConflictError, GpuallocError, InvalidInputError
