#include "pgcycle/anonymize/memo.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <mutex>

namespace pgcycle::anonymize {

namespace {

// What a generator made of inputs lately: names, towns and dates come again and again. Each
// thread has its own. An input has the eight places of a set to stand in; where all are taken,
// it takes that of another.
class Memo {
 public:
  // An input and its output, in one line of the processor's cache.
  struct alignas(64) Entry {
    static constexpr std::size_t kRoom = 61;
    bool used = false;
    std::uint8_t input = 0;  // lengths
    std::uint8_t output = 0;
    std::array<char, kRoom> text;

    bool holds(std::string_view wanted) const {
      return used && std::string_view(text.data(), input) == wanted;
    }
    std::string_view made() const { return {text.data() + input, output}; }
    void take(std::string_view from, std::string_view made) {
      if (from.size() + made.size() > kRoom) return;
      used = true;
      input = static_cast<std::uint8_t>(from.size());
      output = static_cast<std::uint8_t>(made.size());
      std::copy(made.begin(), made.end(), std::copy(from.begin(), from.end(), text.begin()));
    }
  };

  // A place for a memo in every thread, which another generator takes over afterwards.
  class Slot {
   public:
    Slot() {
      const std::lock_guard lock(mutex());
      if (free_numbers().empty()) {
        number_ = made_++;
      } else {
        number_ = free_numbers().back();
        free_numbers().pop_back();
      }
      owner_ = ++owners_;
    }
    ~Slot() {
      const std::lock_guard lock(mutex());
      free_numbers().push_back(number_);
    }
    Slot(const Slot&) = delete;
    Slot& operator=(const Slot&) = delete;

    Memo& of_this_thread() const {
      thread_local std::vector<std::unique_ptr<Memo>> memos;
      if (memos.size() <= number_) memos.resize(number_ + 1);
      std::unique_ptr<Memo>& memo = memos[number_];
      if (!memo || memo->owner_ != owner_) {
        memo = std::make_unique<Memo>();
        memo->owner_ = owner_;
      }
      return *memo;
    }

   private:
    static std::mutex& mutex() {
      static std::mutex mutex;
      return mutex;
    }
    static std::vector<std::size_t>& free_numbers() {
      static std::vector<std::size_t> numbers;
      return numbers;
    }
    static inline std::size_t made_ = 0;
    static inline std::uint64_t owners_ = 0;
    std::size_t number_ = 0;
    std::uint64_t owner_ = 0;
  };

  // The entry that holds `input`, or may take it.
  Entry& at(std::string_view input) {
    const std::uint64_t hash = std::hash<std::string_view>()(input);
    const std::size_t set = hash % kSets;
    const auto tag = static_cast<std::uint16_t>(hash >> 48U);
    std::array<std::uint16_t, kPlaces>& tags = tags_[set];
    for (std::size_t place = 0; place < kPlaces; ++place) {
      Entry& entry = entries_[set * kPlaces + place];
      if (tags[place] == tag && entry.holds(input)) return entry;
    }
    const std::size_t place = next_++ % kPlaces;
    tags[place] = tag;
    return entries_[set * kPlaces + place];
  }

 private:
  static constexpr std::size_t kSets = 1024;
  static constexpr std::size_t kPlaces = 8;
  std::uint64_t owner_ = 0;
  std::size_t next_ = 0;                                          // whose turn it is to go
  std::array<std::array<std::uint16_t, kPlaces>, kSets> tags_{};  // part of each entry's hash
  std::array<Entry, kSets * kPlaces> entries_;
};

}  // namespace

Generator remembering(Generator generator) {
  return [generator = std::move(generator), slot = std::make_shared<const Memo::Slot>()](
             std::string_view input, const MaskRow& row, std::string& out) {
    Memo::Entry& entry = slot->of_this_thread().at(input);
    if (entry.holds(input)) {
      out += entry.made();
      return true;
    }
    const std::size_t start = out.size();
    const bool made = generator.append(out, input, row);
    if (made) entry.take(input, std::string_view(out).substr(start));
    return made;
  };
}

}  // namespace pgcycle::anonymize
