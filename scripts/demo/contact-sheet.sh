#!/usr/bin/env bash
# contact-sheet.sh BEFORE AFTER SHEET.png [PAIR.png]: some of the pictures in the folder BEFORE, each above its result in the
# folder AFTER, pixel for pixel, since scaling blurs what a dither is made of. PAIR.png gets one of them beside its result.
# It uses Debian's ImageMagick, 6 or 7. The demo makes such a sheet; those in docs/ come from
#   scripts/demo.sh && scripts/demo/contact-sheet.sh testdata/images demo-results docs/contact-sheet.png docs/before-after.png
set -euo pipefail
before=$1 after=$2 sheet=$3 beside=${4-}
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

# label WIDTH TEXT FILE.png
label() {
    magick -background "$paper" -fill "$ink" "${font[@]}" -pointsize 10 -size "${1}x16" -gravity west "label:$2" "$3"
}

# labelled WIDTH HEIGHT TEXT PICTURE FILE.png: the picture with the text above it. The picture goes in by standard input, since
# ImageMagick finds meanings in names.
labelled() {
    local width=$1 height=$2
    label "$width" "$3" "$temp/label.png"
    magick -background "$paper" "$temp/label.png" \
        \( "-[0]" -colorspace sRGB -gravity center -extent "${width}x$height" +repage \) -append "$5" <"$4"
}

# pair WIDTH HEIGHT NAME [REMARK]: $temp/NAME.png, the original with its result under it.
pair() {
    labelled "$1" "$2" "$3, before" "$before/$3" "$temp/$3.before.png"
    labelled "$1" "$2" "after${4:+: $4}" "$after/$3" "$temp/$3.after.png"
    magick "$temp/$3.before.png" "$temp/$3.after.png" -append "$temp/$3.png"
}

# save FILE.png PICTURE...: with a border, in few colours.
save() {
    local file=$1
    shift
    magick -background "$paper" "$@" -bordercolor "$paper" -border "$gap" +dither -colors 256 -strip "PNG8:$file"
}

pair 480 320 landscape.jpg
pair 320 480 still-life.jpg
pair 112 149 alpha.png opaque
small=(cmyk.jpg palette.png animation.gif)
space=(\( -size "${gap}x$gap" "xc:$paper" \))
row=("$temp/alpha.png.png")
for name in "${small[@]}"; do
    pair 112 149 "$name"
    row+=("${space[@]}" "$temp/$name.png")
done
label 808 "Transparency goes: alpha.png comes out opaque, with the colours that lay under its transparent pixels." \
    "$temp/note.png"
save "$sheet" \
    \( \( "$temp/landscape.jpg.png" "${space[@]}" \( "${row[@]}" +append \) -append \) \
    "${space[@]}" "$temp/still-life.jpg.png" +append \) "$temp/note.png" -append
if [[ -n $beside ]]; then
    label 320 before "$temp/before.png"
    label 320 after "$temp/after.png"
    save "$beside" \( "$temp/before.png" \( "-" +repage \) -append \) "${space[@]}" \
        \( "$temp/after.png" "$after/still-life.jpg" -append \) +append <"$before/still-life.jpg"
fi
