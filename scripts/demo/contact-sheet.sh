#!/usr/bin/env bash
# contact-sheet.sh BEFORE AFTER SHEET.png: some of the pictures, the originals above the results, pixel for pixel, since
# scaling blurs what a dither is made of. With Debian's ImageMagick, 6 or 7.
set -euo pipefail
before=$1 after=$2 sheet=$3
paper='#f6f5f1' ink='#333333' gap=8
temp=$(mktemp -d)
trap 'rm -rf "$temp"' EXIT

# By its path: another convert may stand before it in PATH. ImageMagick 7 wants to be called magick, and says so.
magick() {
    /usr/bin/convert "$@" 2>"$temp/messages" || { cat "$temp/messages" >&2; return 1; }
}

font=()
dejavu=/usr/share/fonts/truetype/dejavu
for file in "$dejavu/DejaVuSans.ttf" "$dejavu/DejaVuSansMono.ttf"; do
    if [[ -r $file ]]; then
        font=(-font "$file")
        break
    fi
done

# pair WIDTH HEIGHT NAME: $temp/NAME.png, a label, the original and the result under it. The picture goes in by standard
# input, since ImageMagick finds meanings in names.
pair() {
    local width=$1 height=$2 name=$3
    local fit=(-background "$paper" -colorspace sRGB -gravity center -extent "${width}x$height" +repage)
    magick "-[0]" "${fit[@]}" "$temp/before.png" <"$before/$name"
    magick "-[0]" "${fit[@]}" "$temp/after.png" <"$after/$name"
    magick -background "$paper" -fill "$ink" "${font[@]}" -pointsize 11 -size "${width}x16" -gravity west "label:$name" \
        "$temp/before.png" \( -size "${width}x4" "xc:$paper" \) "$temp/after.png" -append "$temp/$name.png"
}

pair 480 320 landscape.jpg
pair 320 480 still-life.jpg
small=(alpha.png cmyk.jpg palette.png animation.gif)
space=(\( -size "${gap}x$gap" "xc:$paper" \))
row=()
for name in "${small[@]}"; do
    pair 112 149 "$name"
    row+=(${row[0]+"${space[@]}"} "$temp/$name.png")
done
magick -background "$paper" \
    \( "$temp/landscape.jpg.png" "${space[@]}" \( "${row[@]}" +append \) -append \) \
    "${space[@]}" "$temp/still-life.jpg.png" +append \
    -bordercolor "$paper" -border "$gap" +dither -colors 256 -strip "PNG8:$sheet"
