"""What a test must know of a sanitizer build: what its memory grows to says nothing, and it is slow."""

import os

SANITIZED = bool(os.environ.get("WSKIT_SANITIZE"))
