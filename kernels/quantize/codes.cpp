// SPDX-License-Identifier: Apache-2.0
#include "kernels/quantize/codes.hpp"

#include <cstring>

#ifdef __AVX512VBMI__
#  include <immintrin.h>
#endif

#include "kernels/core/contract.hpp"

namespace pare::kernels {
namespace {

/// Calls f with bits as a compile-time constant.
template <class F>
void with_bits(int bits, const F& f) {
  switch (bits) {
    case 1:
      return f.template operator()<1>();
    case 2:
      return f.template operator()<2>();
    case 3:
      return f.template operator()<3>();
    case 4:
      return f.template operator()<4>();
    case 5:
      return f.template operator()<5>();
    case 6:
      return f.template operator()<6>();
    case 7:
      return f.template operator()<7>();
    case 8:
      return f.template operator()<8>();
    default:
      throw InternalError(pare::detail::concatenate("codes of ", bits, " bits"));
  }
}

template <int bits>
void unpack_eights(const std::byte* packed, std::int64_t count, std::uint8_t* codes) {
  constexpr std::uint64_t mask = (1u << bits) - 1u;
  std::int64_t i = 0;
  for (; i + 8 <= count; i += 8, packed += bits) {
    std::uint64_t word = 0;
    std::memcpy(&word, packed, bits);
    for (int j = 0; j < 8; ++j) codes[i + j] = static_cast<std::uint8_t>((word >> (j * bits)) & mask);
  }
  if (i < count) {
    std::uint64_t word = 0;
    std::memcpy(&word, packed, static_cast<std::size_t>(((count - i) * bits + 7) / 8));
    for (int j = 0; i + j < count; ++j) codes[i + j] = static_cast<std::uint8_t>((word >> (j * bits)) & mask);
  }
}

#ifdef __AVX512VBMI__
/// Spreads the b bytes of every eight codes over one 64-bit lane (vpermb), then picks eight fields of b bits
/// out of each lane (vpmultishiftqb). The masked load touches the 8 b bytes of the 64 codes only. Returns how
/// many codes were done.
template <int bits>
std::int64_t unpack_vbmi(const std::byte* packed, std::int64_t count, std::uint8_t* codes) {
  alignas(64) std::uint8_t spread[64];
  alignas(64) std::uint8_t shift[64];
  for (int i = 0; i < 64; ++i) {
    spread[i] = static_cast<std::uint8_t>(i / 8 * bits + (i % 8 < bits ? i % 8 : 0));
    shift[i] = static_cast<std::uint8_t>(i % 8 * bits);
  }
  const __m512i spread_index = _mm512_load_si512(spread);
  const __m512i shift_count = _mm512_load_si512(shift);
  const __m512i mask = _mm512_set1_epi8(static_cast<char>((1u << bits) - 1u));
  // The forms with a mask, because g++ 12 warns about its own header in those without (GCC bug 105593).
  constexpr __mmask64 all = ~__mmask64{0};
  constexpr __mmask64 bytes = bits == 8 ? all : (__mmask64{1} << (8 * bits % 64)) - 1;
  std::int64_t i = 0;
  for (; i + 64 <= count; i += 64, packed += 8 * bits) {
    const __m512i lanes = _mm512_maskz_permutexvar_epi8(all, spread_index, _mm512_maskz_loadu_epi8(bytes, packed));
    const __m512i fields = _mm512_maskz_multishift_epi64_epi8(all, shift_count, lanes);
    _mm512_storeu_si512(codes + i, _mm512_and_si512(fields, mask));
  }
  return i;
}
#endif

}  // namespace

void pack_codes(int bits, const std::uint8_t* codes, std::int64_t count, std::byte* packed) {
  for (std::int64_t i = 0; i < count; i += 8) {
    const std::int64_t n = count - i < 8 ? count - i : 8;
    std::uint64_t word = 0;
    for (std::int64_t j = 0; j < n; ++j) {
      EXPECT(codes[i + j] >> bits == 0, "code ", int{codes[i + j]}, " of ", bits, " bits");
      word |= static_cast<std::uint64_t>(codes[i + j]) << (j * bits);
    }
    std::memcpy(packed, &word, static_cast<std::size_t>((n * bits + 7) / 8));
    packed += bits;
  }
}

void unpack_codes_portable(int bits, const std::byte* packed, std::int64_t count, std::uint8_t* codes) {
  with_bits(bits, [&]<int b>() { unpack_eights<b>(packed, count, codes); });
}

void unpack_codes(int bits, const std::byte* packed, std::int64_t count, std::uint8_t* codes) {
#ifdef __AVX512VBMI__
  with_bits(bits, [&]<int b>() {
    const std::int64_t done = unpack_vbmi<b>(packed, count, codes);
    unpack_eights<b>(packed + done / 8 * b, count - done, codes + done);
  });
#else
  unpack_codes_portable(bits, packed, count, codes);
#endif
}

}  // namespace pare::kernels
