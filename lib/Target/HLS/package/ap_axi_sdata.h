// Beats of AXI4-Stream for `make csim`. Synthesis uses the vendor's header of this name.
#ifndef COMPRESS_LIB_TARGET_HLS_PACKAGE_AP_AXI_SDATA_H
#define COMPRESS_LIB_TARGET_HLS_PACKAGE_AP_AXI_SDATA_H

#include "ap_int.h"

/// A beat of D bits of data, a multiple of 8; U, TI and TD bits of the side channels.
template <int D, int U, int TI, int TD>
struct ap_axis {
  static_assert(D >= 8 && D % 8 == 0, "data of a beat are whole bytes");
  ap_int<D> data;
  ap_uint<D / 8> keep;
  ap_uint<D / 8> strb;
  ap_uint<U> user;
  ap_uint<1> last;
  ap_uint<TI> id;
  ap_uint<TD> dest;
};

#endif // COMPRESS_LIB_TARGET_HLS_PACKAGE_AP_AXI_SDATA_H
