#include "pgcycle/support/inflate.hpp"

#include <fmt/format.h>
#include <isa-l/igzip_lib.h>

#include <array>
#include <cstdint>

#include "pgcycle/support/error.hpp"

namespace pgcycle {

struct Inflater::Impl {
  Format format;
  inflate_state state;
  bool begun = false;  // something of a member was taken
  std::array<char, std::size_t{64} * 1024> block;

  void begin_member() {
    isal_inflate_init(&state);
    state.crc_flag = format == Format::gzip ? ISAL_GZIP : ISAL_ZLIB;
    begun = false;
  }
  bool at_end_of_member() const { return state.block_state == ISAL_BLOCK_FINISH; }
};

// Without the zeroing of the buffers that make_unique would do.
Inflater::Inflater(Format format) : impl_(new Impl) {
  impl_->format = format;
  impl_->begin_member();
}

Inflater::~Inflater() = default;

void Inflater::take(std::string_view piece, const std::function<void(std::string_view)>& sink) {
  inflate_state& state = impl_->state;
  state.next_in = const_cast<std::uint8_t*>(reinterpret_cast<const std::uint8_t*>(piece.data()));
  state.avail_in = static_cast<std::uint32_t>(piece.size());
  bool block_was_full = false;
  while (state.avail_in > 0 || block_was_full) {
    if (impl_->at_end_of_member()) {
      if (state.avail_in == 0) return;
      if (impl_->format == Format::zlib) {
        throw Error(ErrorCode::input, "the compressed data goes on after its end");
      }
      const auto* const rest = state.next_in;
      const std::uint32_t bytes = state.avail_in;
      impl_->begin_member();
      state.next_in = const_cast<std::uint8_t*>(rest);
      state.avail_in = bytes;
    }
    impl_->begun = true;
    state.next_out = reinterpret_cast<std::uint8_t*>(impl_->block.data());
    state.avail_out = static_cast<std::uint32_t>(impl_->block.size());
    const int status = isal_inflate(&state);
    if (status < 0 || status > ISAL_OUT_OVERFLOW) {
      throw Error(ErrorCode::input,
                  status == ISAL_INCORRECT_CHECKSUM
                      ? "the compressed data is damaged: its checksum is another"
                      : fmt::format("the compressed data is damaged (ISA-L's error {})", status));
    }
    const std::size_t bytes = impl_->block.size() - state.avail_out;
    block_was_full = state.avail_out == 0;
    if (bytes > 0) sink({impl_->block.data(), bytes});
  }
}

void Inflater::finish() const {
  if (impl_->begun && impl_->at_end_of_member()) return;
  throw Error(ErrorCode::input, "the compressed data is cut short");
}

}  // namespace pgcycle
