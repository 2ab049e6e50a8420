// libjpeg in RAII, for the files beside this one: its objects are freed, its errors and damage become
// exceptions, and a checkpoint is called inside its loops. A session belongs to one thread.
#pragma once

#include <csetjmp>
#include <cstdio>
#include <exception>
#include <type_traits>
// clang-format off
#include <jpeglib.h>  // after <cstdio>, which it needs
// clang-format on

#include "bw/dither.hpp"

namespace bw::image::jpeg {

// What libjpeg's callbacks need. libjpeg is C: its functions are left early by longjmp only, and no exception
// may pass through them. So what a callback throws is kept until Session::run() is back.
struct Callbacks {
    const Checkpoint& checkpoint;
    void* user = nullptr;  // for callbacks that are not the session's own
    std::exception_ptr thrown{};
    std::jmp_buf way_out{};
};

// Callbacks of libjpeg do in here what may throw.
template <typename Action>
void shielded(j_common_ptr jpeg, Action action) {
    auto& callbacks = *static_cast<Callbacks*>(jpeg->client_data);
    try {
        action();
        return;
    } catch (...) {
        callbacks.thrown = std::current_exception();
    }
    std::longjmp(callbacks.way_out, 1);  // nothing that has a destructor lives between here and run()
}

// These are libjpeg's callbacks. The first two throw what libjpeg says, where it matters; the third calls the
// checkpoint.
void on_error(j_common_ptr jpeg);
void on_message(j_common_ptr jpeg, int level);
void on_progress(j_common_ptr jpeg);

template <typename Jpeg>
class Session {
  public:
    explicit Session(const Checkpoint& checkpoint, void* user = nullptr) : callbacks_{checkpoint, user} {
        jpeg.err = jpeg_std_error(&errors_);
        errors_.error_exit = on_error;
        errors_.emit_message = on_message;
        progress_.progress_monitor = on_progress;
        jpeg.client_data = &callbacks_;
        run([this] {
            if constexpr (std::is_same_v<Jpeg, jpeg_decompress_struct>) {
                jpeg_create_decompress(&jpeg);
            } else {
                jpeg_create_compress(&jpeg);
            }
        });
        jpeg.progress = &progress_;
    }
    ~Session() { jpeg_destroy(reinterpret_cast<j_common_ptr>(&jpeg)); }
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    // All calls of libjpeg are made in a `step`, which holds nothing that has a destructor meanwhile.
    template <typename Step>
    void run(Step step) {
        if (setjmp(callbacks_.way_out) != 0) std::rethrow_exception(callbacks_.thrown);
        step();
    }

    Jpeg jpeg{};

  private:
    Callbacks callbacks_;
    jpeg_error_mgr errors_{};
    jpeg_progress_mgr progress_{};
};

using Decompression = Session<jpeg_decompress_struct>;
using Compression = Session<jpeg_compress_struct>;

}  // namespace bw::image::jpeg
