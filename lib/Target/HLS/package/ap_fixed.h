// ap_fixed and ap_ufixed of up to 64 bits for `make csim`: for test benches that prefer them to integers; the generated
// network has integers alone. Synthesis uses the vendor's header of this name.
#ifndef COMPRESS_LIB_TARGET_HLS_PACKAGE_AP_FIXED_H
#define COMPRESS_LIB_TARGET_HLS_PACKAGE_AP_FIXED_H

#include "ap_int.h"
#include <cmath>

/// What becomes of bits that are lost: rounded to the nearest, with halves up, to zero, down, from zero, to the even
/// one; or cut off, to below or to zero.
enum ap_q_mode { AP_RND, AP_RND_ZERO, AP_RND_MIN_INF, AP_RND_INF, AP_RND_CONV, AP_TRN, AP_TRN_ZERO };
/// What becomes of numbers that are too large: the nearest one, zero, the nearest one of a symmetric range, upper bits
/// lost.
enum ap_o_mode { AP_SAT, AP_SAT_ZERO, AP_SAT_SYM, AP_WRAP };

namespace hls_csim {

typedef __int128 wide;

/// Bits of a raw number of one format; operations keep them all, up to 126.
inline wide shifted_left(wide x, int by) { return static_cast<wide>(static_cast<unsigned __int128>(x) << by); }

inline wide quantized(wide x, int drop, ap_q_mode mode) {
  if (drop <= 0)
    return shifted_left(x, -drop);
  wide floor = drop > 126 ? (x < 0 ? -1 : 0) : x >> drop;
  if (drop > 126)
    return mode == AP_TRN ? floor : 0;
  wide rest = x - shifted_left(floor, drop), half = shifted_left(1, drop - 1);
  bool up = false;
  switch (mode) {
  case AP_TRN:
    break;
  case AP_TRN_ZERO:
    up = x < 0 && rest != 0;
    break;
  case AP_RND:
    up = rest >= half;
    break;
  case AP_RND_ZERO:
    up = rest > half || (rest == half && x < 0);
    break;
  case AP_RND_MIN_INF:
    up = rest > half;
    break;
  case AP_RND_INF:
    up = rest > half || (rest == half && x >= 0);
    break;
  case AP_RND_CONV:
    up = rest > half || (rest == half && (floor & 1) != 0);
    break;
  }
  return floor + up;
}

inline wide limited(wide x, int width, bool is_signed, ap_o_mode mode) {
  wide highest = shifted_left(1, is_signed ? width - 1 : width) - 1, lowest = is_signed ? -highest - 1 : 0;
  if (mode == AP_SAT_SYM && is_signed)
    lowest = -highest;
  if (mode != AP_WRAP) {
    if (x >= lowest && x <= highest)
      return x;
    return mode == AP_SAT_ZERO ? 0 : x < lowest ? lowest : highest;
  }
  wide kept = x & (shifted_left(1, width) - 1);
  return is_signed && kept > highest ? kept - shifted_left(1, width) : kept;
}

} // namespace hls_csim

/// W bits, I of them before the point, which may lie outside of them; S: with a sign.
template <int W, int I, bool S, ap_q_mode Q, ap_o_mode O>
class ap_fixed_base {
  static_assert(W >= 1 && W <= 64, "ap_fixed of this header has 1 to 64 bits");

protected:
  hls_csim::wide raw;

  ap_fixed_base() : raw(0) {}

public:
  static const int width = W, iwidth = I, fraction = W - I;
  static const bool is_signed = S;

  /// From the number `value` * 2^-`from_fraction`.
  static hls_csim::wide convert(hls_csim::wide value, int from_fraction) {
    return hls_csim::limited(hls_csim::quantized(value, from_fraction - fraction, Q), W, S, O);
  }
  /// From a double, exactly: magnitudes up to 2^62, bits down to 2^-62.
  static hls_csim::wide convert(double value) {
    const int bits = 62;
    return convert(static_cast<hls_csim::wide>(std::ldexp(value, bits)), bits);
  }

  /// The number times 2^fraction.
  long long raw_bits() const { return static_cast<long long>(raw); }
  hls_csim::wide wide_bits() const { return raw; }
  double to_double() const { return std::ldexp(static_cast<double>(raw), -fraction); }
};

#define COMPRESS_AP_FIXED(name, is_signed)                                                                             \
  template <int W, int I, ap_q_mode Q = AP_TRN, ap_o_mode O = AP_WRAP>                                                 \
  class name : public ap_fixed_base<W, I, is_signed, Q, O> {                                                           \
    typedef ap_fixed_base<W, I, is_signed, Q, O> base;                                                                 \
                                                                                                                       \
  public:                                                                                                              \
    name() {}                                                                                                          \
    name(double number) { this->raw = base::convert(number); }                                                         \
    name(int number) { this->raw = base::convert(static_cast<hls_csim::wide>(number), 0); }                            \
    template <int W2, int I2, bool S2, ap_q_mode Q2, ap_o_mode O2>                                                     \
    name(const ap_fixed_base<W2, I2, S2, Q2, O2> &other) {                                                             \
      this->raw = base::convert(other.wide_bits(), W2 - I2);                                                           \
    }                                                                                                                  \
    static name from_bits(long long bits) {                                                                            \
      name number;                                                                                                     \
      number.raw = hls_csim::limited(bits, W, is_signed, AP_WRAP);                                                     \
      return number;                                                                                                   \
    }                                                                                                                  \
  };
COMPRESS_AP_FIXED(ap_fixed, true)
COMPRESS_AP_FIXED(ap_ufixed, false)
#undef COMPRESS_AP_FIXED

namespace hls_csim {

constexpr int most(int a, int b) { return a > b ? a : b; }

/// The format of an exact sum or product; a result with more than 64 bits does not compile.
template <int W, int I>
struct exact : ap_fixed_base<W, I, true, AP_TRN, AP_WRAP> {
  explicit exact(wide bits) { this->raw = bits; }
};

} // namespace hls_csim

#define COMPRESS_FIXED_PAIR                                                                                            \
  template <int W1, int I1, bool S1, ap_q_mode Q1, ap_o_mode O1, int W2, int I2, bool S2, ap_q_mode Q2, ap_o_mode O2>
#define COMPRESS_FIXED_ARGUMENTS const ap_fixed_base<W1, I1, S1, Q1, O1> &a, const ap_fixed_base<W2, I2, S2, Q2, O2> &b

/// Sums have one bit more before the point, two if a number without sign meets one; products the bits of both.
#define COMPRESS_FIXED_SUM(op)                                                                                         \
  COMPRESS_FIXED_PAIR                                                                                                  \
  auto operator op(COMPRESS_FIXED_ARGUMENTS) {                                                                         \
    constexpr int F = hls_csim::most(W1 - I1, W2 - I2), I = hls_csim::most(I1 + !S1, I2 + !S2) + 1;                    \
    return hls_csim::exact<I + F, I>(hls_csim::shifted_left(a.wide_bits(), F - (W1 - I1))                              \
                                         op hls_csim::shifted_left(b.wide_bits(), F - (W2 - I2)));                     \
  }
COMPRESS_FIXED_SUM(+)
COMPRESS_FIXED_SUM(-)
#undef COMPRESS_FIXED_SUM

COMPRESS_FIXED_PAIR
auto operator*(COMPRESS_FIXED_ARGUMENTS) {
  constexpr int extra = (!S1 || !S2) ? 1 : 0;
  return hls_csim::exact<W1 + W2 + extra, I1 + I2 + extra>(a.wide_bits() * b.wide_bits());
}

#define COMPRESS_FIXED_COMPARISON(op)                                                                                  \
  COMPRESS_FIXED_PAIR                                                                                                  \
  bool operator op(COMPRESS_FIXED_ARGUMENTS) {                                                                         \
    constexpr int F = hls_csim::most(W1 - I1, W2 - I2);                                                                \
    return hls_csim::shifted_left(a.wide_bits(), F - (W1 - I1))                                                        \
        op hls_csim::shifted_left(b.wide_bits(), F - (W2 - I2));                                                       \
  }
COMPRESS_FIXED_COMPARISON(<)
COMPRESS_FIXED_COMPARISON(>)
COMPRESS_FIXED_COMPARISON(<=)
COMPRESS_FIXED_COMPARISON(>=)
COMPRESS_FIXED_COMPARISON(==)
COMPRESS_FIXED_COMPARISON(!=)
#undef COMPRESS_FIXED_COMPARISON
#undef COMPRESS_FIXED_PAIR
#undef COMPRESS_FIXED_ARGUMENTS

#endif // COMPRESS_LIB_TARGET_HLS_PACKAGE_AP_FIXED_H
