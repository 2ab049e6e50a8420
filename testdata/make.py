#!/usr/bin/python3
"""Makes images/, expected/, damaged/ and odd/ again, byte for byte, on Debian 12.

    testdata/make.py [FOLDER]     FOLDER: where to put them (default: next to this script)

Needs Debian 12's package imagemagick, and about a minute. The sources are our own:
painted by scenes.py or by ImageMagick. The expected results are what the real
`convert SOURCE -monochrome RESULT` writes.
"""

import os
import shutil
import struct
import subprocess
import sys

sys.dont_write_bytecode = True
import oddities  # noqa: E402  (after the line that keeps __pycache__ out of the folder)
import scenes  # noqa: E402

CONVERT = "/usr/bin/convert"  # by its path: another one may stand before it in PATH
VERSION = "ImageMagick 6.9.11-60 "
# One thread and no dates: the same bytes every time.
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "MAGICK_THREAD_LIMIT": "1"}
UNDATED = ["+set", "date:create", "+set", "date:modify", "-define", "png:exclude-chunks=date,time"]


def convert(source, *arguments):
    """Runs convert with `source` on its standard input; gives back its standard output."""
    done = subprocess.run([CONVERT, *arguments], input=source, stdout=subprocess.PIPE, env=ENVIRONMENT, check=True)
    return done.stdout


def ppm(width, height, data, top=255):
    return b"P6\n%d %d\n%d\n" % (width, height, top) + bytes(data)


def ramps():
    """16-bit colour whose steps are finer than 8 bits can hold."""
    width, height = 96, 64
    data = b"".join(struct.pack(">3H", 18000 + 190 * x + 61 * y, 30000 + 37 * x + 290 * y, 52000 - 111 * x - 83 * y)
                    for y in range(height) for x in range(width))
    return ppm(width, height, data, 65535)


def see_through():
    """A disc with a soft rim; the colours go on where it is wholly transparent."""
    side = 128
    data = bytearray()
    for y in range(side):
        for x in range(side):
            away = ((x - 63.5) ** 2 + (y - 63.5) ** 2) ** 0.5
            data += bytes((x * 2, y * 2, (x * y // 40) % 256, max(0, min(255, int((60 - away) * 18)))))
    return side, data


def sources():
    """Name, format of the content, bytes."""
    lake = convert(ppm(*scenes.landscape()), "ppm:-", "-resize", "480x320!", "ppm:-")
    table = convert(ppm(*scenes.still_life()), "ppm:-", "-resize", "320x480!", "ppm:-")

    def lake_as(kind, size, *options):
        return kind, convert(lake, "ppm:-", "-resize", size + "!", *options, *UNDATED, kind + ":-")

    def table_as(kind, size, *options):
        return kind, convert(table, "ppm:-", "-resize", size + "!", *options, *UNDATED, kind + ":-")

    def linear(data):
        """The same bytes, said to be linear: a gamma of 1."""
        png = oddities.Png(oddities.Png(data).without(b"gAMA"))
        return png.with_after(b"IHDR", (b"gAMA", struct.pack(">I", 100000)))

    side, disc = see_through()
    raw = ["-size", "%dx%d" % (side, side), "-depth", "8", "rgba:-"]
    # A ball that falls and bounces: later frames cover only what changed, at an offset.
    ball = []
    for x, y, delay in ((14, 12, 20), (26, 20, 10), (38, 40, 5), (50, 52, 30), (62, 38, 5), (74, 30, 50)):
        ball += ["(", "-clone", "0", "-fill", "#c8281e", "-draw",
                 "circle %d,%d %d,%d" % (x, y, x + 9, y), "-set", "delay", str(delay), ")"]

    def animation(layers):
        return convert(b"", "-size", "90x64", "gradient:#bcd8f0-#3c6e46", "-colors", "32", *ball, "-delete", "0",
                       "-loop", "0", "-layers", layers, *UNDATED, "gif:-")

    # Three pages of different sizes.
    pages = ["(", "-clone", "0", "-resize", "120x80!", ")", "(", "-clone", "0", "-crop", "64x96+30+180", "+repage", ")",
             "(", "-clone", "0", "-resize", "50x50!", "-negate", ")", "-delete", "0"]
    jpeg = ("-quality", "88")
    return [
        ("landscape.jpg", *lake_as("jpg", "480x320", *jpeg)),
        ("still-life.jpg", *table_as("jpg", "320x480", *jpeg)),
        ("small.jpg", *lake_as("jpg", "70x46", *jpeg)),
        ("grey.jpg", *table_as("jpg", "100x150", "-colorspace", "Gray", *jpeg)),
        ("cmyk.jpg", *table_as("jpg", "100x150", "-colorspace", "CMYK", *jpeg)),
        ("alpha.png", "png", convert(bytes(disc), *raw, *UNDATED, "png:-")),
        ("palette.png", *table_as("png", "80x120", "+dither", "-colors", "16", "-define", "png:format=png8")),
        ("sixteen-bit.png", "png", convert(ramps(), "ppm:-", *UNDATED, "-define", "png:bit-depth=16", "png:-")),
        ("linear.png", "png", linear(table_as("png", "60x90")[1])),
        ("linear-alpha.png", "png", linear(convert(bytes(disc), *raw, *UNDATED, "png:-"))),
        ("animation.gif", "gif", animation("optimize-frame")),
        ("overlay.gif", "gif", animation("optimize")),
        ("pages.tif", "tiff", convert(table, "ppm:-", *pages, "-compress", "lzw", *UNDATED, "tiff:-")),
        ("photo.webp", *lake_as("webp", "150x100", "-quality", "80")),
        ("photo.bmp", *lake_as("bmp", "60x40")),
        ("photo.pgm", *lake_as("pgm", "90x60")),
        ("two words.jpg", *lake_as("jpg", "75x50", *jpeg)),
        ("100%.png", *table_as("png", "30x45")),
        ("page-%d.png", *table_as("png", "32x48")),
        ("frame[0].png", *table_as("png", "34x51")),
        ("gr\u00fcn.jpg", *lake_as("jpg", "78x52", *jpeg)),
        ("\u5199\u771f.png", *table_as("png", "36x54")),
        ("UPPER.JPG", *lake_as("jpg", "81x54", *jpeg)),
        ("jpeg-inside.png", *lake_as("jpg", "84x56", *jpeg)),
        ("no-extension", *table_as("png", "38x57")),
    ]


def expected(name, content, data):
    """What convert makes of it. It reads and writes pipes, as it would take `%d` or `[0]` in a name for its own signs."""
    extension = os.path.splitext(name)[1][1:].lower() or content
    return convert(data, content + ":-", "-monochrome", *UNDATED, extension + ":-")


def main():
    folder = sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.abspath(__file__))
    version = convert(b"", "-version").decode()
    if VERSION not in version:
        sys.exit("make.py: the expected results come from %sof Debian 12; this is %s" % (VERSION, version.splitlines()[0]))

    pictures = sources()
    whole = {name: data for name, _, data in pictures}
    files = [("images", name, data) for name, _, data in pictures]
    files += [("expected", name, expected(name, content, data)) for name, content, data in pictures]
    files += [("damaged", name, data) for name, data in oddities.damaged(whole)]
    files += [("odd", name, data) for name, data in oddities.odd(whole)]
    for kind in ("images", "expected", "damaged", "odd"):
        shutil.rmtree(os.path.join(folder, kind), ignore_errors=True)
        os.makedirs(os.path.join(folder, kind))
    for kind, name, data in files:
        with open(os.path.join(folder, kind, name), "wb") as file:
            file.write(data)
    print("%d files, %d bytes" % (len(files), sum(len(data) for _, _, data in files)))


if __name__ == "__main__":
    main()
