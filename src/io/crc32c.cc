#include "io/crc32c.h"

#include <array>
#include <bit>
#include <cstddef>
#include <cstring>

#if defined(__x86_64__)
#include <cpuid.h>
#include <nmmintrin.h>
#endif

namespace busker::io {
namespace {

constexpr std::uint32_t kPolynomial = 0x82F63B78;  // 0x1EDC6F41, its bits in reverse
using Table = std::array<std::uint32_t, 256>;

// kSlices[k][b]: the state after the byte b and then k zero bytes, from a state of 0.
constexpr std::array<Table, 8> MakeSlices() {
  std::array<Table, 8> slices{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t state = byte;
    for (int bit = 0; bit < 8; ++bit) state = state >> 1 ^ (state & 1 ? kPolynomial : 0);
    slices[0][byte] = state;
  }
  for (std::size_t k = 1; k < 8; ++k) {
    for (std::size_t byte = 0; byte < 256; ++byte) {
      const std::uint32_t before = slices[k - 1][byte];
      slices[k][byte] = before >> 8 ^ slices[0][before & 0xFF];
    }
  }
  return slices;
}
constexpr std::array<Table, 8> kSlices = MakeSlices();

std::uint64_t Word(const char* bytes) {
  std::uint64_t word = 0;
  std::memcpy(&word, bytes, sizeof word);
  return word;
}

std::uint32_t AddBytes(std::uint32_t state, const char* bytes, std::size_t count) {
  for (; count > 0; --count, ++bytes) {
    state = state >> 8 ^ kSlices[0][(state ^ static_cast<unsigned char>(*bytes)) & 0xFF];
  }
  return state;
}

std::uint32_t AddPlainly(std::uint32_t state, const char* bytes, std::size_t count) {
  if constexpr (std::endian::native == std::endian::little) {
    for (; count >= 8; count -= 8, bytes += 8) {
      const std::uint64_t word = Word(bytes) ^ state;
      state = 0;
      for (unsigned k = 0; k < 8; ++k) state ^= kSlices[7 - k][word >> 8 * k & 0xFF];
    }
  }
  return AddBytes(state, bytes, count);
}

#if defined(__x86_64__)

// One sum waits three cycles for each of its steps, and the processor could begin one a cycle: so
// three runs of bytes beside each other are summed at once, and joined. What joins them is linear:
// the state after kRunBytes zero bytes, looked up byte by byte of the state before.
constexpr std::size_t kRunBytes = 4096;
using Matrix = std::array<std::uint32_t, 32>;  // of each bit of the state before: the state behind

constexpr std::uint32_t Times(const Matrix& matrix, std::uint32_t state) {
  std::uint32_t after = 0;
  for (std::size_t bit = 0; state != 0; ++bit, state >>= 1) {
    if (state & 1) after ^= matrix[bit];
  }
  return after;
}

constexpr std::array<Table, 4> MakeSkips() {
  Matrix skip{};  // one zero byte
  for (std::size_t bit = 0; bit < 32; ++bit) {
    const std::uint32_t state = std::uint32_t{1} << bit;
    skip[bit] = state >> 8 ^ kSlices[0][state & 0xFF];
  }
  for (std::size_t bytes = 1; bytes < kRunBytes; bytes *= 2) {
    Matrix twice{};
    for (std::size_t bit = 0; bit < 32; ++bit) twice[bit] = Times(skip, skip[bit]);
    skip = twice;
  }
  std::array<Table, 4> skips{};
  for (unsigned k = 0; k < 4; ++k) {
    for (std::uint32_t byte = 0; byte < 256; ++byte) skips[k][byte] = Times(skip, byte << 8 * k);
  }
  return skips;
}
constexpr std::array<Table, 4> kSkips = MakeSkips();

std::uint32_t SkipRun(std::uint64_t state) {
  return kSkips[0][state & 0xFF] ^ kSkips[1][state >> 8 & 0xFF] ^ kSkips[2][state >> 16 & 0xFF] ^
         kSkips[3][state >> 24 & 0xFF];
}

__attribute__((target("sse4.2"))) std::uint32_t AddQuickly(std::uint32_t state, const char* bytes,
                                                           std::size_t count) {
  std::uint64_t sum = state;
  for (; count >= 3 * kRunBytes; count -= 3 * kRunBytes, bytes += 3 * kRunBytes) {
    std::uint64_t second = 0, third = 0;
    for (std::size_t i = 0; i < kRunBytes; i += 8) {
      sum = _mm_crc32_u64(sum, Word(bytes + i));
      second = _mm_crc32_u64(second, Word(bytes + kRunBytes + i));
      third = _mm_crc32_u64(third, Word(bytes + 2 * kRunBytes + i));
    }
    sum = SkipRun(SkipRun(sum) ^ second) ^ third;
  }
  for (; count >= 8; count -= 8, bytes += 8) sum = _mm_crc32_u64(sum, Word(bytes));
  return AddBytes(static_cast<std::uint32_t>(sum), bytes, count);
}

// __builtin_cpu_supports would ask for all that there is, at the start of every program: in a
// virtual machine each question takes 25 us.
bool HasInstruction() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid(1, &a, &b, &c, &d) != 0 && (c & bit_SSE4_2) != 0;
}

std::uint32_t AddTo(std::uint32_t state, std::string_view bytes) {
  static const bool is_quick = HasInstruction();
  return is_quick ? AddQuickly(state, bytes.data(), bytes.size())
                  : AddPlainly(state, bytes.data(), bytes.size());
}

#else

std::uint32_t AddTo(std::uint32_t state, std::string_view bytes) {
  return AddPlainly(state, bytes.data(), bytes.size());
}

#endif

}  // namespace

void Crc32c::Add(std::string_view bytes) { state_ = AddTo(state_, bytes); }

std::uint32_t Crc32cOf(std::string_view bytes) {
  Crc32c sum;
  sum.Add(bytes);
  return sum.value();
}

std::uint32_t PlainCrc32cOf(std::string_view bytes) {
  return ~AddPlainly(~std::uint32_t{0}, bytes.data(), bytes.size());
}

}  // namespace busker::io
