#include "pgcycle/anonymize/memo.hpp"

#include <array>
#include <cstdint>
#include <mutex>

namespace pgcycle::anonymize {

namespace {

// What a generator made of inputs lately: names, towns and dates come again and again. Each
// thread has its own; an input that falls on another's place takes it.
class Memo {
 public:
  struct Entry {
    std::string input;
    std::optional<std::string> output;
    bool used = false;
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

  Entry& at(std::string_view input) {
    return entries_[std::hash<std::string_view>()(input) % entries_.size()];
  }

  static bool takes(std::string_view input) { return input.size() <= kLongest; }

 private:
  static constexpr std::size_t kEntries = 2048;
  static constexpr std::size_t kLongest = 64;
  std::uint64_t owner_ = 0;
  std::array<Entry, kEntries> entries_;
};

}  // namespace

Generator remembering(Generator generator) {
  return [generator = std::move(generator), slot = std::make_shared<const Memo::Slot>()](
             std::string_view input, const MaskRow& row) -> std::optional<std::string> {
    if (!Memo::takes(input)) return generator(input, row);
    Memo::Entry& entry = slot->of_this_thread().at(input);
    if (!entry.used || entry.input != input) {
      entry.output = generator(input, row);
      entry.input = input;
      entry.used = true;
    }
    return entry.output;
  };
}

}  // namespace pgcycle::anonymize
