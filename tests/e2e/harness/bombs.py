"""Small files that ask for huge pictures. Each is written in a moment and takes little room."""

import struct
import zlib


def _chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width, height):
    """Black, one bit a pixel; whole and valid."""
    packer = zlib.compressobj(9)
    row = bytes(1 + (width + 7) // 8)
    data = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    header = struct.pack(">2I5B", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")


def gif(frames, side):
    """Frames without data of their own: the decoder leaves their pixels as they are."""
    frame = b"\x21\xf9\4\0\1\0\0\0" + b"," + struct.pack("<4HB", 0, 0, side, side, 0) + b"\2\2\x4c\1\0"
    return (b"GIF89a" + struct.pack("<2H3B", side, side, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff" + frame * frames + b";")


def progressive_jpeg(side, scans):
    """Grey: a scan of the mean levels, then one for each bit of each coefficient, all zero, in runs of 32767 blocks."""
    def segment(marker, body):
        return b"\xff" + bytes([marker]) + struct.pack(">H", len(body) + 2) + body

    def table(kind, symbol):
        """A Huffman table with one code: 0."""
        return segment(0xC4, bytes([kind, 1] + [0] * 15 + [symbol]))

    blocks = ((side + 7) // 8) ** 2
    bits = ("0" + "1" * 14) * -(-blocks // 32767)
    bits += "1" * (-len(bits) % 8)
    data = int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\0")
    steps = [(k, high, low) for k in range(1, 64)
             for high, low in [(0, 13), *((low + 1, low) for low in range(12, -1, -1))]]
    means = b"\xff\xda" + struct.pack(">H", 8) + bytes([1, 1, 0, 0, 0, 0]) + bytes(-(-blocks // 8))
    return b"".join([
        b"\xff\xd8", segment(0xDB, bytes([0]) + b"\1" * 64),
        segment(0xC2, struct.pack(">BHHB", 8, side, side, 1) + b"\1\x11\0"), table(0x00, 0), table(0x10, 0xE0), means,
        *(segment(0xDA, bytes([1, 1, 0x10, k, k, high << 4 | low])) + data for k, high, low in steps[:scans - 1]),
        b"\xff\xd9"])


def tiff(pages, side=1):
    """Pages of one bit a pixel that share one strip of data."""
    strip = bytes((side + 7) // 8 * side)
    at = 8 + len(strip) + len(strip) % 2
    parts = [b"II*\0", struct.pack("<I", at), strip, bytes(len(strip) % 2)]
    size = 2 + 8 * 12 + 4
    for page in range(pages):
        tags = ((256, 4, side), (257, 4, side), (258, 3, 1), (259, 3, 1), (262, 3, 1), (273, 4, 8), (278, 4, side),
                (279, 4, len(strip)))
        entries = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags)
        at += size
        parts.append(struct.pack("<H", 8) + entries + struct.pack("<I", at if page + 1 < pages else 0))
    return b"".join(parts)


def webp(frames, side):
    """An animation of lossless frames of one colour."""
    def chunk(kind, body):
        return kind + struct.pack("<I", len(body)) + body + bytes(len(body) % 2)

    def uint24(number):
        return struct.pack("<I", number)[:3]

    # VP8L: signature, 14 bits for each side less one, no alpha, version; no transform, no colour cache, no meta
    # codes; five simple codes of one symbol each, so that no pixel takes a bit.
    bits = format(side - 1, "014b")[::-1] + format(side - 1, "014b")[::-1] + "0000" + "0" + "0" + "0"
    bits += "1000" * 5
    bits += "0" * (-len(bits) % 8)
    picture = chunk(b"VP8L", b"\x2f" + int(bits[::-1], 2).to_bytes(len(bits) // 8, "little") + bytes(8))
    size = uint24(side - 1) * 2
    body = (chunk(b"VP8X", b"\2\0\0\0" + size) + chunk(b"ANIM", bytes(6))
            + chunk(b"ANMF", bytes(6) + size + uint24(100) + b"\0" + picture) * frames)
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def pnm(width, height):
    """A header and no pixels."""
    return b"P6\n%d %d\n255\n" % (width, height)


def bmp(width, height):
    return b"BM" + struct.pack("<IIIIiiHHIIiiII", 54, 0, 54, 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0)


def large_tile_tiff(side, big=False):
    """A picture of one pixel in one tile of side x side, of which there is no data. `big`: as a BigTIFF."""
    tags = ((256, 3, 1), (257, 3, 1), (258, 3, 8), (259, 3, 1), (262, 3, 1), (277, 3, 1), (322, 4, side),
            (323, 4, side), (324, 4, 8), (325, 4, 8))
    header, count, entry, end = (("<4sHHQ", "<Q", "<HHQQ", 8) if big else ("<4sI", "<H", "<HHII", 4))
    start = struct.pack(header, *((b"II+\0", 8, 0, 16) if big else (b"II*\0", 8)))
    return (start + struct.pack(count, len(tags))
            + b"".join(struct.pack(entry, tag, kind, 1, value) for tag, kind, value in tags) + bytes(end))


def gif_with_blocks(blocks):
    """A picture of one pixel after so many application blocks."""
    block = b"\x21\xff\x0bABCDEFGH123\1x\0"
    frame = b"," + struct.pack("<4HB", 0, 0, 1, 1, 0) + b"\2\2\x4c\1\0"
    return b"GIF89a" + struct.pack("<2H3B", 1, 1, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff" + block * blocks + frame + b";"


def gif_with_comment(size):
    """A picture of one pixel and a comment of so many bytes."""
    text = (b"\xff" + b"x" * 255) * (size // 255)
    frame = b"," + struct.pack("<4HB", 0, 0, 1, 1, 0) + b"\2\2\x4c\1\0"
    head = b"GIF89a" + struct.pack("<2H3B", 1, 1, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff"
    return head + b"\x21\xfe" + text + b"\0" + frame + b";"


def png_with_text(chunks, size, kind=b"zTXt"):
    """A picture of one pixel with so many compressed texts of so many bytes each."""
    packed = zlib.compress(b"x" * size, 9)
    between = b"\0\0" if kind == b"zTXt" else b"\0\1\0\0\0"  # how it is packed; of iTXt also languages
    texts = b"".join(_chunk(kind, b"key%d" % number + between + packed) for number in range(chunks))
    whole = png(1, 1)
    header = 8 + 25
    return whole[:header] + texts + whole[header:]


def png_with_plain_text(chunks, size):
    """A picture of one pixel with so many texts of so many bytes each."""
    texts = b"".join(_chunk(b"tEXt", b"key%d\0" % number + b"x" * size) for number in range(chunks))
    whole = png(1, 1)
    header = 8 + 25
    return whole[:header] + texts + whole[header:]


def pnm_with_comments(size):
    """A picture of one pixel whose header has so many bytes of comments."""
    return b"P5\n" + (b"#" + b"x" * 62 + b"\n") * (size // 64) + b"1 1\n255\n\0"
