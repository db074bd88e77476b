"""Decoding brotli by the library that weir's own comes with (libbrotli1): any Python will do."""
import ctypes

_SUCCESS, _NEEDS_INPUT, _NEEDS_OUTPUT = 1, 2, 3


def _library():
    library = ctypes.CDLL("libbrotlidec.so.1")
    library.BrotliDecoderCreateInstance.restype = ctypes.c_void_p
    library.BrotliDecoderCreateInstance.argtypes = [ctypes.c_void_p] * 3
    library.BrotliDecoderDestroyInstance.argtypes = [ctypes.c_void_p]
    library.BrotliDecoderDecompressStream.argtypes = [ctypes.c_void_p] * 6
    return library


class Decompressor:
    """process() gives what can be decoded so far; `ended` once the stream has."""

    def __init__(self):
        self._library = _library()
        self._state = self._library.BrotliDecoderCreateInstance(None, None, None)
        self.ended = False

    def process(self, data: bytes) -> bytes:
        source = ctypes.create_string_buffer(data, len(data) or 1)
        at, left = ctypes.c_void_p(ctypes.addressof(source)), ctypes.c_size_t(len(data))
        block = ctypes.create_string_buffer(65536)
        out = b""
        while True:
            to, room = ctypes.c_void_p(ctypes.addressof(block)), ctypes.c_size_t(len(block))
            result = self._library.BrotliDecoderDecompressStream(
                self._state, ctypes.byref(left), ctypes.byref(at), ctypes.byref(room), ctypes.byref(to), None)
            out += block.raw[:len(block) - room.value]
            if result == _NEEDS_OUTPUT:
                continue
            self.ended = result == _SUCCESS
            if result not in (_SUCCESS, _NEEDS_INPUT) or left.value:
                raise ValueError("broken brotli stream")
            return out

    def __del__(self):
        self._library.BrotliDecoderDestroyInstance(self._state)


def decompress(data: bytes) -> bytes:
    decoder = Decompressor()
    out = decoder.process(data)
    if not decoder.ended:
        raise ValueError("brotli stream without its end")
    return out
