#include <bit>
#include <cstring>
#include <type_traits>

#include "base/text.h"
#include "predict/value_reader.h"

namespace busker::predict {
namespace {

// How many bytes a value of the type has, when that is all it has; 0: another type.
std::size_t WidthOf(char type) {
  switch (type) {
    case 'i':
    case 'U':
    case 'C':
      return 1;
    case 'I':
      return 2;
    case 'l':
    case 'd':
      return 4;
    case 'L':
    case 'D':
      return 8;
    default:
      return 0;
  }
}

template <typename T>
T FromBigEndian(const char* bytes) {
  std::conditional_t<sizeof(T) == 8, std::uint64_t,
                     std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint16_t>>
      bits;
  std::memcpy(&bits, bytes, sizeof bits);
  if constexpr (sizeof bits == 8) {
    bits = __builtin_bswap64(bits);
  } else if constexpr (sizeof bits == 4) {
    bits = __builtin_bswap32(bits);
  } else {
    bits = __builtin_bswap16(bits);
  }
  return std::bit_cast<T>(bits);
}

class UbjsonReader final : public ValueReader {
 public:
  explicit UbjsonReader(std::string_view bytes) : bytes_(bytes) {}

  Result<void> Object(const OnMember& on) override {
    TRY(Enter('{', "an object"));
    std::size_t rest = 0;
    TRY_ASSIGN(const bool is_counted, Count(rest));
    while (is_counted ? rest-- > 0 : !Take('}')) {
      TRY_ASSIGN(const std::string name, Characters());
      TRY(on(name));
    }
    --depth_;
    return {};
  }

  Result<void> List(const OnEntry& on) override {
    TRY(Enter('[', "a list"));
    if (Peek() == '$') return Expected("a list of values of any type");
    std::size_t rest = 0;
    TRY_ASSIGN(const bool is_counted, Count(rest));
    for (std::size_t i = 0; is_counted ? i < rest : !Take(']'); ++i) TRY(on(i));
    --depth_;
    return {};
  }

  Result<std::string> Text() override {
    if (!Take('S')) return Expected("a text");
    return Characters();
  }

  Result<std::int64_t> Integer() override {
    if (Take('T')) return 1;
    if (Take('F')) return 0;
    const char type = Peek();
    if (WidthOf(type) == 0 || type == 'd' || type == 'D') return Expected("a whole number");
    ++at_;
    return Whole(type);
  }

  Result<void> Floats(std::vector<float>& to) override {
    to.clear();
    std::size_t count = 0;
    TRY_ASSIGN(const char type, TypedList(count));
    if (type == 0) {
      return List([&](std::size_t) -> Result<void> {
        TRY_ASSIGN(const float value, Float());
        to.push_back(value);
        return {};
      });
    }
    to.reserve(count);
    const char* bytes = bytes_.data() + at_;
    if (type == 'd') {
      for (std::size_t i = 0; i < count; ++i) to.push_back(FromBigEndian<float>(bytes + 4 * i));
    } else if (type == 'D') {
      for (std::size_t i = 0; i < count; ++i) {
        to.push_back(static_cast<float>(FromBigEndian<double>(bytes + 8 * i)));
      }
    } else {
      return Expected("a list of numbers with a fraction");
    }
    at_ += count * WidthOf(type);
    return {};
  }

  Result<void> Integers(std::vector<std::int64_t>& to) override {
    to.clear();
    std::size_t count = 0;
    TRY_ASSIGN(const char type, TypedList(count));
    if (type == 0) {
      return List([&](std::size_t) -> Result<void> {
        TRY_ASSIGN(const std::int64_t value, Integer());
        to.push_back(value);
        return {};
      });
    }
    if (type == 'd' || type == 'D') return Expected("a list of whole numbers");
    to.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
      TRY_ASSIGN(const std::int64_t value, Whole(type));
      to.push_back(value);
    }
    return {};
  }

  Result<void> Skip() override {
    const char type = Peek();
    if (type == '{') return Object([this](std::string_view) { return Skip(); });
    if (type == '[') {
      std::size_t count = 0;
      TRY_ASSIGN(const char of, TypedList(count));
      if (of == 0) return List([this](std::size_t) { return Skip(); });
      at_ += count * WidthOf(of);
      return {};
    }
    if (type == 'S') {
      TRY(Text());
      return {};
    }
    const bool is_word = type == 'Z' || type == 'T' || type == 'F';
    if (!is_word && WidthOf(type) == 0) return Expected("a value");
    if (bytes_.size() - at_ < 1 + WidthOf(type)) return CutOff();
    at_ += 1 + WidthOf(type);
    return {};
  }

  Result<void> End() override {
    if (at_ != bytes_.size()) return Expected("the end of the file");
    return {};
  }

 private:
  tl::unexpected<Error> Expected(std::string_view what) const {
    if (at_ >= bytes_.size()) return CutOff();
    return Invalid("at byte " + std::to_string(at_) + ": " + std::string(what) + " is expected");
  }
  tl::unexpected<Error> CutOff() const {
    return Invalid("it is cut off, at byte " + std::to_string(bytes_.size()));
  }

  char Peek() const { return at_ < bytes_.size() ? bytes_[at_] : '\0'; }
  bool Take(char c) {
    if (at_ == bytes_.size() || bytes_[at_] != c) return false;
    ++at_;
    return true;
  }
  Result<void> Enter(char bracket, std::string_view what) {
    if (!Take(bracket)) return Expected(what);
    if (++depth_ > kDepthMax) {
      return Invalid("at byte " + std::to_string(at_) + ": it nests too deep");
    }
    return {};
  }

  // The value of a type that has a width; it stands behind the type.
  Result<std::int64_t> Whole(char type) {
    const std::size_t width = WidthOf(type);
    if (bytes_.size() - at_ < width) return CutOff();
    const char* bytes = bytes_.data() + at_;
    at_ += width;
    switch (type) {
      case 'i':
        return static_cast<signed char>(*bytes);
      case 'I':
        return FromBigEndian<std::int16_t>(bytes);
      case 'l':
        return FromBigEndian<std::int32_t>(bytes);
      case 'L':
        return FromBigEndian<std::int64_t>(bytes);
      default:
        return static_cast<unsigned char>(*bytes);
    }
  }

  Result<float> Float() {
    const char type = Peek();
    if (type != 'd' && type != 'D') {
      TRY_ASSIGN(const std::int64_t whole, Integer());
      return static_cast<float>(whole);
    }
    if (bytes_.size() - at_ < 1 + WidthOf(type)) return CutOff();
    const char* bytes = bytes_.data() + at_ + 1;
    at_ += 1 + WidthOf(type);
    return type == 'd' ? FromBigEndian<float>(bytes)
                       : static_cast<float>(FromBigEndian<double>(bytes));
  }

  // A length, which cannot be more than the bytes that follow.
  Result<std::size_t> Length() {
    TRY_ASSIGN(const std::int64_t length, Integer());
    if (length < 0 || static_cast<std::uint64_t>(length) > bytes_.size() - at_) {
      return Invalid("at byte " + std::to_string(at_) + ": a length of " + std::to_string(length) +
                     ", where " + std::to_string(bytes_.size() - at_) + " bytes follow");
    }
    return static_cast<std::size_t>(length);
  }

  // Behind an opening bracket: is there a count, and nothing at the end then?
  Result<bool> Count(std::size_t& count) {
    if (!Take('#')) return false;
    TRY_ASSIGN(count, Length());
    return true;
  }

  Result<std::string> Characters() {
    TRY_ASSIGN(const std::size_t length, Length());
    std::string text(bytes_.substr(at_, length));
    if (!IsUtf8(text)) return Expected("a text in UTF-8");
    at_ += length;
    return text;
  }

  // The type of a list that has one for all, with its values still to come; 0: it has none, and
  // nothing was read.
  Result<char> TypedList(std::size_t& count) {
    if (bytes_.substr(at_, 2) != "[$") return '\0';
    at_ += 2;
    const char type = Peek();
    if (WidthOf(type) == 0) return Expected("a type of numbers");
    ++at_;
    if (!Take('#')) return Expected("the length of the list");
    TRY_ASSIGN(count, Length());
    if (count > (bytes_.size() - at_) / WidthOf(type)) return CutOff();
    return type;
  }

  std::string_view bytes_;
  std::size_t at_ = 0;
  int depth_ = 0;
};

}  // namespace

std::unique_ptr<ValueReader> MakeUbjsonReader(std::string_view text) {
  return std::make_unique<UbjsonReader>(text);
}

// Both begin with '{'. In UBJSON the length of the first name follows, or '#', in JSON the name
// itself.
std::unique_ptr<ValueReader> MakeReader(std::string_view text) {
  const bool is_ubjson =
      text.size() > 1 && text[0] == '{' && std::string_view("LlIUi#").find(text[1]) != text.npos;
  return is_ubjson ? MakeUbjsonReader(text) : MakeJsonReader(text);
}

}  // namespace busker::predict
