// Decompression of gzip and zlib streams, piece by piece, by ISA-L.
#pragma once

#include <functional>
#include <memory>
#include <string_view>

namespace pgcycle {

class Inflater {
 public:
  enum class Format { gzip, zlib };

  explicit Inflater(Format format);
  ~Inflater();
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  // Takes the next piece of the stream and hands what it holds to `sink`, in blocks of up to
  // 64 KiB. A gzip stream may have several members, as files put one after the other have.
  // Throws Error{input} where it is damaged; checksums are compared.
  void take(std::string_view piece, const std::function<void(std::string_view)>& sink);
  // Throws Error{input} where the stream was cut short.
  void finish() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace pgcycle
