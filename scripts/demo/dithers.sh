#!/usr/bin/env bash
# dithers.sh BW_CONVERT SHEET.png: a part of the landscape, and what BW_DITHER=riemersma and none make of it, pixel for pixel,
# since scaling blurs what a dither is made of. docs/dithers.png: scripts/demo/dithers.sh build/bench/bw_convert docs/dithers.png
set -euo pipefail
program=$1 sheet=$2
scene=$(dirname "$0")/../../testdata/images/landscape.jpg
paper='#f6f5f1' gap=8
temp=$(mktemp -d)
trap 'rm -rf "$temp"' EXIT

# By its path: another convert may stand before it in PATH. ImageMagick 7 wants to be called magick, and says so.
magick() {
    /usr/bin/convert "$@" 2>"$temp/messages" || { cat "$temp/messages" >&2; return 1; }
}

magick "$scene" -crop 304x304+176+8 +repage "$temp/source.png"
for dither in riemersma none; do
    OUTDIR=$temp BW_DITHER=$dither "$program" <<<"file://$temp/source.png $dither.png" >"$temp/microseconds"
done
space=(\( -size "${gap}x$gap" "xc:$paper" \))
magick -background "$paper" "$temp/source.png" "${space[@]}" "$temp/riemersma.png" "${space[@]}" \
    "$temp/none.png" +append -bordercolor "$paper" -border "$gap" +dither -colors 256 -strip "PNG8:$sheet"
