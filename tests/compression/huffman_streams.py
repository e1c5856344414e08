"""Streams of Huffman codes: they are as long as convcost says, and can be read again."""

from __future__ import annotations


def canonical_codes(lengths):
    """Return the code and its length of each symbol: shorter ones first, equal ones by their symbols."""
    codes = {}
    code = last = 0
    for symbol, length in sorted(lengths.items(), key=lambda pair: (pair[1], pair[0])):
        code <<= length - last
        codes[symbol] = (code, length)
        code, last = code + 1, length
    return codes


def encode(symbols, codes):
    """Return the stream of symbols, the last byte filled up with zeros, and its bits."""
    stream = bytearray()
    pending = held = bits = 0
    for symbol in symbols:
        code, length = codes[symbol]
        pending = pending << length | code
        held += length
        bits += length
        while held >= 8:
            held -= 8
            stream.append(pending >> held & 255)
        pending &= (1 << held) - 1
    if held:
        stream.append(pending << 8 - held & 255)
    return bytes(stream), bits


def decode(stream, bits, codes):
    """Return the symbols of a stream."""
    symbols = {(length, code): symbol for symbol, (code, length) in codes.items()}
    found = []
    code = length = 0
    for at in range(bits):
        code = code << 1 | stream[at >> 3] >> 7 - (at & 7) & 1
        length += 1
        if (length, code) in symbols:
            found.append(symbols[length, code])
            code = length = 0
    return found
