"""RFC 6455 frames as bytes, the wrong ones included."""

import dataclasses
import os
import struct

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
RSV1, RSV2, RSV3 = 0x40, 0x20, 0x10


@dataclasses.dataclass(frozen=True)
class Frame:
    opcode: int
    payload: bytes
    fin: bool = True
    reserved: int = 0  # the bits as they stand in the first byte
    masked: bool = False


def masked(payload, mask):
    """XOR by way of one big integer each: 16 MiB in some milliseconds."""
    size = len(payload)
    pattern = (mask * (size // 4 + 1))[:size]
    return (int.from_bytes(payload, "little") ^ int.from_bytes(pattern, "little")).to_bytes(size, "little")


def encode(opcode, payload=b"", *, fin=True, reserved=0, mask=True, length_bytes=None, claimed=None):
    """One frame as a client sends it.

    mask: True for a random one, four bytes for that one, False for none.
    length_bytes: 0, 2 or 8 forces that form of the length, though it be longer than needed.
    claimed: the length that the header gives, whatever the payload's own.
    """
    if isinstance(payload, str):
        payload = payload.encode()
    size = len(payload) if claimed is None else claimed
    if length_bytes is None:
        length_bytes = 0 if size < 126 else 2 if size < 65536 else 8
    first = (0x80 if fin else 0) | reserved | opcode
    mask_bit = 0x80 if mask else 0
    if length_bytes == 0:
        header = struct.pack("!BB", first, mask_bit | size)
    elif length_bytes == 2:
        header = struct.pack("!BBH", first, mask_bit | 126, size)
    else:
        header = struct.pack("!BBQ", first, mask_bit | 127, size)
    if not mask:
        return header + payload
    key = os.urandom(4) if mask is True else mask
    return header + key + masked(payload, key)


def close_payload(code=None, reason=b""):
    if isinstance(reason, str):
        reason = reason.encode()
    return b"" if code is None else struct.pack("!H", code) + reason


def decode(buffer):
    """(the first frame of `buffer`, the bytes it takes), or None while it is not whole."""
    if len(buffer) < 2:
        return None
    first, second = buffer[0], buffer[1]
    size, at = second & 0x7F, 2
    if size == 126:
        if len(buffer) < 4:
            return None
        size, at = struct.unpack_from("!H", buffer, 2)[0], 4
    elif size == 127:
        if len(buffer) < 10:
            return None
        size, at = struct.unpack_from("!Q", buffer, 2)[0], 10
    has_mask = bool(second & 0x80)
    mask_at, at = at, at + (4 if has_mask else 0)
    if len(buffer) < at + size:
        return None
    payload = bytes(buffer[at : at + size])
    if has_mask:
        payload = masked(payload, bytes(buffer[mask_at : mask_at + 4]))
    frame = Frame(first & 0x0F, payload, bool(first & 0x80), first & 0x70, has_mask)
    return frame, at + size
