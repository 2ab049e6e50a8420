// The step from a decoded colour frame to black and white, ours and ImageMagick's, on each JPEG named on
// the command line: bw_step JPEG... (and Google Benchmark's own flags). step.py runs it.
//
//   kernel   levels to black and white, by each definition
//   frame    what a job does with a decoded frame: take the levels out, kernel, put them back
//   library  what ImageMagick does for `-monochrome`, with the same frame
//   decode   the bytes of a JPEG to levels, where no frame is needed
//   encode   black and white levels to the bytes of a JPEG
// clang-format off
#include <benchmark/benchmark.h>
#include <Magick++.h>  // last: it declares what assert() calls in a namespace of its own
// clang-format on

#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>
#include <vector>

#include "bw/dither.hpp"
#include "image/jpeg/jpeg.hpp"
#include "image/magick/bilevel.hpp"

namespace {

using Clock = std::chrono::steady_clock;

// Times `step` on a fresh value of `make` each time; making it does not count.
template <typename Make, typename Step>
void measure(benchmark::State& state, const Make& make, const Step& step) {
    for ([[maybe_unused]] auto _ : state) {
        auto fresh = make();
        const auto start = Clock::now();
        step(fresh);
        state.SetIterationTime(std::chrono::duration<double>(Clock::now() - start).count());
    }
}

bw::GreyImage grey_image(Magick::Image frame) {
    std::vector<std::uint8_t> rgb(frame.columns() * frame.rows() * 3);
    frame.write(0, 0, frame.columns(), frame.rows(), "RGB", Magick::CharPixel, rgb.data());
    bw::GreyImage image{frame.columns(), frame.rows(), {}};
    image.levels.resize(rgb.size() / 3);
    bw::grey_levels(rgb, image.levels);
    return image;
}

void add(const std::string& name, const std::function<void(benchmark::State&)>& run) {
    benchmark::RegisterBenchmark(name.c_str(), run)->UseManualTime()->Unit(benchmark::kMillisecond);
}

void add_codec(const std::filesystem::path& file, const std::string& picture) {
    std::ifstream stream(file, std::ios::binary);
    const std::string bytes(std::istreambuf_iterator<char>(stream), {});
    auto decoded = bw::image::jpeg::decode(bytes, [] {});
    add("decode" + picture, [bytes](benchmark::State& state) {
        measure(
            state, [&] { return bytes; }, [](auto& source) { bw::image::jpeg::decode(source, [] {}); });
    });
    bw::make_monochrome(decoded.grey, bw::Dither::kRiemersma);
    add("encode" + picture, [decoded](benchmark::State& state) {
        measure(
            state, [&] { return decoded; },
            [](auto& result) { bw::image::jpeg::encode(result.grey, result.metadata, [] {}); });
    });
}

void add_picture(const std::filesystem::path& file) {
    const std::string picture = "/" + file.stem().string();
    // Read from its file each time: a copied frame would share its pixels until the step touches them.
    const auto frame = [file] { return Magick::Image(file.string()); };
    const auto grey = grey_image(frame());
    for (const auto& [name, dither] :
         {std::pair{"riemersma", bw::Dither::kRiemersma}, std::pair{"none", bw::Dither::kNone},
          std::pair{"floyd-steinberg", bw::Dither::kFloydSteinberg}}) {
        add(std::string("kernel ") + name + picture, [grey, dither = dither](benchmark::State& state) {
            measure(
                state, [&] { return grey; }, [&](auto& image) { bw::make_monochrome(image, dither); });
        });
    }
    add("frame" + picture, [frame](benchmark::State& state) {
        measure(state, frame,
                [](auto& image) { bw::image::magick::make_bilevel(image, bw::Dither::kRiemersma, [] {}); });
    });
    add("library" + picture, [frame](benchmark::State& state) {
        measure(state, frame, [](auto& image) { image.type(Magick::BilevelType); });
    });
    add_codec(file, picture);
}

}  // namespace

int main(int count, char** arguments) {
    Magick::InitializeMagick(nullptr);
    Magick::ResourceLimits::thread(1);
    benchmark::Initialize(&count, arguments);
    for (int i = 1; i < count; ++i) add_picture(arguments[i]);
    benchmark::RunSpecifiedBenchmarks();
}
