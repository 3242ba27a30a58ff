// ap_int of up to 64 bits for `make csim`: what generated code needs of the vendor's header of this name, from which it
// differs in nothing that a test can see except what it lacks. Synthesis uses the vendor's own; this folder is on no
// path there.
#ifndef COMPRESS_LIB_TARGET_HLS_PACKAGE_AP_INT_H
#define COMPRESS_LIB_TARGET_HLS_PACKAGE_AP_INT_H

#include <cstddef>
#include <cstdint>

#ifdef __SYNTHESIS__
#error "csim_include is for simulation on a host: remove it from the include path of synthesis"
#endif

/// Bits of a result, of which 64 are kept: sums and products are right modulo 2^64.
constexpr int ap_width(int bits) { return bits < 64 ? bits : 64; }
constexpr int ap_wider(int a, int b) { return a > b ? a : b; }

/// A signed integer of W bits in two's complement. What does not fit loses its upper bits.
template <int W>
class ap_int {
  static_assert(W >= 1 && W <= 64, "ap_int of this header has 1 to 64 bits");

  int64_t value;

  static constexpr int64_t wrap(uint64_t bits) { return static_cast<int64_t>(bits << (64 - W)) >> (64 - W); }

public:
  static const int width = W;

  // Constant expressions: large tables are data of the program, not code that fills them.
  constexpr ap_int() : value(0) {}
  constexpr ap_int(int number) : value(wrap(static_cast<uint64_t>(static_cast<int64_t>(number)))) {}
  constexpr ap_int(long number) : value(wrap(static_cast<uint64_t>(number))) {}
  constexpr ap_int(long long number) : value(wrap(static_cast<uint64_t>(number))) {}
  template <int V>
  ap_int(const ap_int<V> &other) : value(wrap(static_cast<uint64_t>(other.to_int64()))) {}

  explicit operator int() const { return static_cast<int>(value); }
  int64_t to_int64() const { return value; }
  int to_int() const { return static_cast<int>(value); }

  /// Shifts keep the width; to the right, the sign comes in.
  ap_int operator>>(int by) const { return ap_int(static_cast<long long>(value >> (by < 63 ? by : 63))); }
  ap_int operator<<(int by) const {
    return ap_int(static_cast<long long>(by < 64 ? static_cast<uint64_t>(value) << by : 0));
  }
};

/// An integer of W bits without sign: side channels of streams.
template <int W>
class ap_uint {
  static_assert(W >= 1 && W <= 64, "ap_uint of this header has 1 to 64 bits");

  uint64_t value;

public:
  static const int width = W;

  ap_uint(long long number = 0) : value(static_cast<uint64_t>(number) << (64 - W) >> (64 - W)) {}

  uint64_t to_uint64() const { return value; }
  int to_int() const { return static_cast<int>(value); }
  bool operator==(const ap_uint &other) const { return value == other.value; }
  bool operator!=(const ap_uint &other) const { return value != other.value; }
};

#define COMPRESS_AP_INT_OPERATOR(op, bits)                                                                             \
  template <int A, int B>                                                                                              \
  ap_int<ap_width(bits)> operator op(const ap_int<A> &a, const ap_int<B> &b) {                                         \
    return ap_int<ap_width(bits)>(                                                                                     \
        static_cast<long long>(static_cast<uint64_t>(a.to_int64()) op static_cast<uint64_t>(b.to_int64())));           \
  }
COMPRESS_AP_INT_OPERATOR(+, ap_wider(A, B) + 1)
COMPRESS_AP_INT_OPERATOR(-, ap_wider(A, B) + 1)
COMPRESS_AP_INT_OPERATOR(*, A + B)
COMPRESS_AP_INT_OPERATOR(&, ap_wider(A, B))
#undef COMPRESS_AP_INT_OPERATOR

#define COMPRESS_AP_INT_COMPARISON(op)                                                                                 \
  template <int A, int B>                                                                                              \
  bool operator op(const ap_int<A> &a, const ap_int<B> &b) {                                                           \
    return a.to_int64() op b.to_int64();                                                                               \
  }
COMPRESS_AP_INT_COMPARISON(<)
COMPRESS_AP_INT_COMPARISON(>)
COMPRESS_AP_INT_COMPARISON(<=)
COMPRESS_AP_INT_COMPARISON(>=)
COMPRESS_AP_INT_COMPARISON(==)
COMPRESS_AP_INT_COMPARISON(!=)
#undef COMPRESS_AP_INT_COMPARISON

#endif // COMPRESS_LIB_TARGET_HLS_PACKAGE_AP_INT_H
