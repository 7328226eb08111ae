"""What a test must know of a sanitizer build: its memory says nothing, and it is slow."""

import os

from .deadline import SLOW

SANITIZED = bool(os.environ.get("WSKIT_SANITIZE"))

__all__ = ["SANITIZED", "SLOW"]
