#include <charconv>
#include <system_error>

#include "base/text.h"
#include "predict/json_pull.h"
#include "predict/value_reader.h"

namespace busker::predict {
namespace {

using Kind = JsonPull::Kind;

class JsonReader final : public ValueReader {
 public:
  explicit JsonReader(std::string_view text) : json_(text) {}

  Result<void> Object(const OnMember& on) override {
    if (json_.Peek() != Kind::kObject) return Expected("an object");
    bool first = true;
    for (json_.Enter(); json_.More(first);) {
      const std::string name(json_.Name());
      if (json_.ok()) TRY(on(name));
    }
    return Read();
  }

  Result<void> List(const OnEntry& on) override {
    if (json_.Peek() != Kind::kArray) return Expected("a list");
    std::size_t place = 0;
    bool first = true;
    for (json_.Enter(); json_.More(first);) TRY(on(place++));
    return Read();
  }

  Result<std::string> Text() override {
    std::string text(json_.Text());
    if (!IsUtf8(text)) return Expected("a text in UTF-8");
    TRY(Read());
    return text;
  }

  Result<std::int64_t> Integer() override {
    const Kind kind = json_.Peek();
    if (kind == Kind::kTrue || kind == Kind::kFalse) {
      json_.Word();
      TRY(Read());
      return kind == Kind::kTrue ? 1 : 0;
    }
    return Number<std::int64_t>("a whole number");
  }

  Result<void> Floats(std::vector<float>& to) override {
    to.clear();
    return List([&](std::size_t) -> Result<void> {
      TRY_ASSIGN(const float value, Number<float>("a number of 32 bits"));
      to.push_back(value);
      return {};
    });
  }

  Result<void> Integers(std::vector<std::int64_t>& to) override {
    to.clear();
    return List([&](std::size_t) -> Result<void> {
      TRY_ASSIGN(const std::int64_t value, Integer());
      to.push_back(value);
      return {};
    });
  }

  Result<void> Skip() override {
    json_.Skip();
    return Read();
  }

  Result<void> End() override {
    json_.AtEnd();
    return Read();
  }

 private:
  Result<void> Read() const {
    if (json_.ok()) return {};
    return Invalid("at " + json_.fault());
  }
  tl::unexpected<Error> Expected(std::string_view what) {
    json_.Fault(std::string(what) + " is expected");
    return Invalid("at " + json_.fault());
  }

  // From its decimals to the float at once, as XGBoost does it: by way of a double, two roundings
  // might differ from one. NaN and Infinity are floats, too.
  template <typename T>
  Result<T> Number(std::string_view what) {
    const std::string_view text = json_.NumberText();
    TRY(Read());
    T value = 0;
    const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (fault == std::errc() && end == text.data() + text.size()) return value;
    return Expected(what);
  }

  JsonPull json_;
};

}  // namespace

std::unique_ptr<ValueReader> MakeJsonReader(std::string_view text) {
  return std::make_unique<JsonReader>(text);
}

}  // namespace busker::predict
