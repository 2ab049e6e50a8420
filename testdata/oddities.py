"""What is done to whole pictures to make damaged/ and odd/: pixels that are missing or made up, and habits of encoders."""

import struct
import zlib

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def png_chunk(kind, body, crc=None):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body) if crc is None else crc)


class Png:
    """A PNG as a list of (kind, body)."""

    def __init__(self, data):
        self.chunks = []
        at = len(PNG_SIGNATURE)
        while at < len(data):
            size, = struct.unpack_from(">I", data, at)
            self.chunks.append((data[at + 4:at + 8], data[at + 8:at + 8 + size]))
            at += size + 12

    def body(self, kind):
        return b"".join(body for name, body in self.chunks if name == kind)

    def with_wrong_crc(self, kind):
        return PNG_SIGNATURE + b"".join(
            png_chunk(name, body, zlib.crc32(name + body) ^ 1 if name == kind else None) for name, body in self.chunks)

    def with_data(self, data):
        head = [chunk for chunk in self.chunks if chunk[0] not in (b"IDAT", b"IEND")]
        return PNG_SIGNATURE + b"".join(png_chunk(*chunk) for chunk in [*head, (b"IDAT", data), (b"IEND", b"")])

    def with_after(self, kind, *more):
        """`more`: chunks that come after the first of this kind."""
        at = [name for name, _ in self.chunks].index(kind) + 1
        return PNG_SIGNATURE + b"".join(png_chunk(*chunk) for chunk in self.chunks[:at] + list(more) + self.chunks[at:])

    def without(self, kind):
        return PNG_SIGNATURE + b"".join(png_chunk(*chunk) for chunk in self.chunks if chunk[0] != kind)


def grey_png(pgm):
    """A PNG of an 8-bit PGM."""
    _, size, _, pixels = pgm.split(b"\n", 3)
    width, height = map(int, size.split())
    rows = b"".join(b"\0" + pixels[y * width:(y + 1) * width] for y in range(height))
    return PNG_SIGNATURE + (png_chunk(b"IHDR", struct.pack(">2I5B", width, height, 8, 0, 0, 0, 0))
                            + png_chunk(b"IDAT", zlib.compress(rows)) + png_chunk(b"IEND", b""))


def jpeg_segments(data):
    """Marker, begin and end of each, up to the first scan's header."""
    at = 2
    while data[at + 1] != 0xDA:
        end = at + 2 + struct.unpack_from(">H", data, at + 2)[0]
        yield data[at + 1], at, end
        at = end
    yield 0xDA, at, at + 2 + struct.unpack_from(">H", data, at + 2)[0]


def jpeg_with(data, marker, body):
    """One more segment, after the first."""
    _, _, end = next(jpeg_segments(data))
    return data[:end] + b"\xff" + bytes([marker]) + struct.pack(">H", len(body) + 2) + body + data[end:]


def replaced(data, at, more):
    return data[:at] + more + data[at + len(more):]


class Tiff:
    """The first page's entries of a little-endian TIFF."""

    def __init__(self, data):
        self.data = data
        self.at, = struct.unpack_from("<I", data, 4)
        count, = struct.unpack_from("<H", data, self.at)
        self.places = {struct.unpack_from("<H", data, place)[0]: place
                       for place in range(self.at + 2, self.at + 2 + 12 * count, 12)}

    def value(self, tag):
        return struct.unpack_from("<I", self.data, self.places[tag] + 8)[0]

    def with_value(self, tag, value):
        return replaced(self.data, self.places[tag] + 8, struct.pack("<I", value))

    def with_entry(self, entry):
        """The page's directory anew at the end, with one more entry."""
        entries = sorted([self.data[place:place + 12] for place in self.places.values()] + [entry],
                         key=lambda each: struct.unpack_from("<H", each)[0])
        follower = self.data[self.at + 2 + 12 * len(self.places):][:4]
        data = self.data + bytes(len(self.data) % 2)
        return (data[:4] + struct.pack("<I", len(data)) + data[8:] + struct.pack("<H", len(entries))
                + b"".join(entries) + follower)


def rgb_profile():
    """A small ICC profile for RGB: sRGB's primaries, gamma 2.2."""
    def point(*numbers):
        return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(number * 65536) for number in numbers))

    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, 563) + b"\0\0"
    description = b"desc\0\0\0\0" + struct.pack(">I", 5) + b"ours\0" + bytes(79)
    tags = {b"desc": description, b"cprt": b"text\0\0\0\0ours\0\0\0\0", b"wtpt": point(.9642, 1, .8249),
            b"rXYZ": point(.4361, .2225, .0139), b"gXYZ": point(.3851, .7169, .0971),
            b"bXYZ": point(.1431, .0606, .7141), b"rTRC": curve, b"gTRC": curve, b"bTRC": curve}
    start = 128 + 4 + 12 * len(tags)
    table, body = struct.pack(">I", len(tags)), b""
    for name, data in tags.items():
        data += bytes(-len(data) % 4)
        table += name + struct.pack(">2I", start + len(body), len(data))
        body += data
    head = struct.pack(">I4sI4s4s4s12s4s", start + len(body), b"", 0x02100000, b"mntr", b"RGB ", b"XYZ ", b"", b"acsp")
    return head.ljust(68, b"\0") + struct.pack(">3i", 63190, 65536, 54061).ljust(60, b"\0") + table + body


def gif_data_blocks(data, frame):
    """Where the first full block of 255 bytes of this frame's data begins."""
    at = 13 + 3 * 2 ** ((data[10] & 7) + 1)
    while True:
        if data[at] == 0x2C:
            local = 3 * 2 ** ((data[at + 9] & 7) + 1) if data[at + 9] & 0x80 else 0
            at += 10 + local + 1
            if frame == 0:
                return at + 1
            frame -= 1
        else:
            at += 2
        while data[at]:
            at += data[at] + 1
        at += 1


def damaged(whole):
    """Files that must be refused."""
    def half(name):
        return whole[name][:len(whole[name]) // 2]

    small, png, tiff = whole["small.jpg"], Png(whole["palette.png"]), Tiff(whole["pages.tif"])
    animation, data = whole["animation.gif"], png.body(b"IDAT")
    pixels = zlib.decompress(data)
    scan = [end for marker, _, end in jpeg_segments(small) if marker == 0xDA][0]
    middle = (scan + len(small)) // 2
    third_frame = gif_data_blocks(animation, 2)
    return [
        ("empty.jpg", b""),
        ("text.jpg", b"This is a text, not a picture.\n"),
        ("noise.png", bytes((k * k * 31 + k * 7 + 101) % 251 for k in range(400))),
        ("header-only.png", PNG_SIGNATURE + png_chunk(b"IHDR", struct.pack(">2I5B", 64, 64, 8, 2, 0, 0, 0))),
        ("zero-width.png", PNG_SIGNATURE + png_chunk(b"IHDR", struct.pack(">2I5B", 0, 64, 8, 2, 0, 0, 0))
         + png_chunk(b"IDAT", zlib.compress(b"\0" * 64)) + png_chunk(b"IEND", b"")),
        ("header-only.jpg", small[:20]),
        ("truncated.jpg", half("small.jpg")),
        ("no-end.jpg", small[:-2]),
        ("early-end.jpg", replaced(small, middle, b"\xff\xd9")),
        ("scan.jpg", replaced(small, middle, b"\xfe" * 100)),
        ("restart.jpg", replaced(small, middle, b"\xff\xd3")),
        ("truncated.png", half("palette.png")),
        ("no-end.png", png.without(b"IEND")),
        ("header-crc.png", png.with_wrong_crc(b"IHDR")),
        ("palette-crc.png", png.with_wrong_crc(b"PLTE")),
        ("data-crc.png", png.with_wrong_crc(b"IDAT")),
        ("end-crc.png", png.with_wrong_crc(b"IEND")),
        ("data-checksum.png", png.with_data(data[:-1] + bytes([data[-1] ^ 1]))),
        ("data-short.png", png.with_data(zlib.compress(pixels[:len(pixels) // 2]))),
        ("data-corrupt.png", png.with_data(replaced(data, len(data) // 2, b"\xaa" * 20))),
        ("critical-chunk.png", png.with_after(b"PLTE", (b"AbCd", b"xyz"))),
        ("truncated.gif", animation[:900]),
        ("frame-cut.gif", animation[:-200]),
        ("frame-data.gif", replaced(animation, third_frame + 1, b"\xff" * 20)),
        ("truncated.tif", half("pages.tif")),
        ("strip-cut.tif", tiff.with_value(279, tiff.value(279) // 3)),
        ("strip-data.tif", replaced(tiff.data, tiff.value(273) + 50, b"\xff" * 40)),
        ("truncated.webp", half("photo.webp")),
        ("tail-cut.webp", whole["photo.webp"][:-10]),
        ("truncated.bmp", half("photo.bmp")),
        ("size.bmp", replaced(whole["photo.bmp"], 2, struct.pack("<I", 7))),
        ("truncated.pgm", half("photo.pgm")),
    ]


def odd(whole):
    """Files that must be converted, though decoders warn about most of them."""
    small, png, tiff = whole["small.jpg"], Png(whole["palette.png"]), Tiff(whole["pages.tif"])
    data, junk, profile = png.body(b"IDAT"), b"junk" * 20, rgb_profile()
    first = next(jpeg_segments(small))[2]
    version = small.index(b"JFIF\0") + 5
    embedded = b"sRGB\0\0" + zlib.compress(profile)
    grey = grey_png(whole["photo.pgm"])
    return [
        ("extraneous-bytes.jpg", small[:first] + b"\1\2\3\4" + small[first:]),
        ("jfif-revision.jpg", replaced(small, version, b"\3")),
        ("rgb-profile-on-grey.jpg", jpeg_with(whole["grey.jpg"], 0xE2, b"ICC_PROFILE\0\1\1" + profile)),
        ("half-a-profile.jpg", jpeg_with(small, 0xE2, b"ICC_PROFILE\0\1\2" + profile[:100])),
        ("gamma-not-srgb.png", png.with_after(b"IHDR", (b"gAMA", struct.pack(">I", 12345)), (b"sRGB", b"\0"))),
        ("gamma-zero.png", png.with_after(b"IHDR", (b"gAMA", bytes(4)))),
        ("chromaticities-zero.png", png.with_after(b"IHDR", (b"cHRM", bytes(32)))),
        ("profile-and-srgb.png", png.with_after(b"IHDR", (b"iCCP", embedded), (b"sRGB", b"\0"))),
        ("profile-cut.png", png.with_after(b"IHDR", (b"iCCP", b"sRGB\0\0" + zlib.compress(profile[:200])))),
        ("rgb-profile-on-grey.png", Png(grey).with_after(b"IHDR", (b"iCCP", embedded))),
        ("duplicate-chunk.png", png.with_after(b"IHDR", *[(b"pHYs", struct.pack(">2IB", 99, 99, 1))] * 2)),
        ("bad-time.png", png.with_after(b"IHDR", (b"tIME", struct.pack(">H5B", 2020, 13, 45, 25, 61, 61)))),
        ("bad-text.png", png.with_after(b"IHDR", (b"zTXt", b"Title\0\0no zlib"))),
        ("text-crc.png", png.with_after(b"IHDR", (b"tEXt", b"Title\0x", 1))),
        ("unknown-chunk.png", png.with_after(b"IHDR", (b"abCd", b"xyz"))),
        ("long-transparency.png", png.with_after(b"PLTE", (b"tRNS", b"\xff" * 200))),
        ("too-much-data.png", png.with_data(zlib.compress(zlib.decompress(data) + bytes(500)))),
        ("junk-after-data.png", png.with_data(data + junk)),
        ("no-end.gif", whole["animation.gif"][:-1]),
        ("unknown-tag.tif", tiff.with_entry(struct.pack("<HHII", 65001, 3, 1, 7))),
        ("bad-date.tif", tiff.with_entry(struct.pack("<HHII", 306, 2, 3, 7))),
        *(("junk-after-end" + name[name.index("."):], whole[name] + junk)
          for name in ("small.jpg", "palette.png", "animation.gif", "photo.webp", "photo.pgm")),
    ]
