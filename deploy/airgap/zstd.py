"""Zstandard, as far as bundles need it: a patch is a frame whose dictionary is what was before.

The frames are those of `zstd --long=31 --patch-from=OLD`: the program can undo them too. Python
3.14 has the library built in, older ones take its backport.
"""

import sys
from typing import BinaryIO, cast

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

LARGEST = (1 << 31) - 1
"""Bytes that a window spans: what was there before and what comes after must fit in together."""
_SMALL = 8 << 20
"""Up to so many bytes are packed as well as can be; beyond, that would take minutes."""
_WINDOW = (10, 30)
"""Exponents of the smallest and the largest window of a packed file: 1 GiB to unpack it."""


def pack(content: bytes, before: bytes = b"") -> bytes:
    """A content as a patch of another one, or whole if there is none.

    Raises ValueError if both together are larger than `LARGEST`.
    """
    together = len(content) + len(before)
    if together > LARGEST:
        raise ValueError(f"{together} bytes do not fit into a window")
    options: dict[int, int] = {
        zstd.CompressionParameter.compression_level: 19 if together <= _SMALL else 9,
        zstd.CompressionParameter.window_log: min(31, max(_WINDOW[0], together.bit_length())),
        zstd.CompressionParameter.enable_long_distance_matching: int(together > _SMALL),
        # Every file that is restored is checked by its SHA-256.
        zstd.CompressionParameter.checksum_flag: 0,
    }
    # A dictionary of fewer bytes than this is none to zstd.
    prefix = zstd.ZstdDict(before, is_raw=True).as_prefix if len(before) >= 8 else None
    return zstd.compress(content, options=options, zstd_dict=prefix)


def unpack(patch: bytes, before: bytes = b"") -> bytes:
    """What `pack` was given. Raises ValueError if it is no such patch."""
    prefix = zstd.ZstdDict(before, is_raw=True).as_prefix if len(before) >= 8 else None
    options: dict[int, int] = {zstd.DecompressionParameter.window_log_max: 31}
    try:
        return zstd.decompress(patch, zstd_dict=prefix, options=options)
    except zstd.ZstdError as error:
        raise ValueError(str(error)) from None


def writer(path: str, size: int) -> BinaryIO:
    """A file to write about `size` bytes to, packed; repetitions are found up to 1 GiB apart."""
    options: dict[int, int] = {
        zstd.CompressionParameter.compression_level: 19 if size <= _SMALL else 9,
        zstd.CompressionParameter.window_log: min(_WINDOW[1], max(_WINDOW[0], size.bit_length())),
        zstd.CompressionParameter.enable_long_distance_matching: 1,
    }
    return cast(BinaryIO, zstd.ZstdFile(path, "wb", options=options))


def reader(path: str) -> BinaryIO:
    """A packed file's content, to be read once. Reading raises `EOFError` or `Damaged`."""
    options: dict[int, int] = {zstd.DecompressionParameter.window_log_max: 31}
    return cast(BinaryIO, zstd.ZstdFile(path, "rb", options=options))


Damaged = zstd.ZstdError
"""Raised by a reader at a byte that is wrong."""
