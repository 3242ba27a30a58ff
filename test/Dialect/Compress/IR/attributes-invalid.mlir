// RUN: compress-opt %s --split-input-file --verify-diagnostics

// expected-error @+1 {{expects 2 to 8 bits, got 9}}
func.func private @uniform_c1() attributes {a = #compress.uniform<bits = 9>}

// -----

// expected-error @+1 {{expects 2 to 8 bits, got 1}}
func.func private @uniform_c1_signed() attributes {a = #compress.uniform<bits = 1>}

// -----

// expected-error @+1 {{expects 2 to 6 bits, got 7}}
func.func private @pow2_c1() attributes {a = #compress.pow2<bits = 7, min_exponent = 0>}

// -----

// expected-error @+1 {{expects exponents from -126 to 127, got 121 to 128}}
func.func private @pow2_c2() attributes {a = #compress.pow2<bits = 4, min_exponent = 121>}

// -----

// expected-error @+1 {{expects exponents from -126 to 127}}
func.func private @pow2_c2_low() attributes {a = #compress.pow2<bits = 4, min_exponent = -127>}

// -----

// expected-error @+1 {{expects 2 to 256 finite numbers, got 1}}
func.func private @codebook_c1() attributes {a = #compress.codebook<[1.0]>}

// -----

// expected-error @+1 {{not all of them finite}}
func.func private @codebook_c1_infinite() attributes {a = #compress.codebook<[1.0, 1.0e999]>}

// -----

// expected-error @+1 {{expects order to be a permutation}}
func.func private @layout_c1() attributes {a = #compress.layout<order = [0, 0]>}

// -----

// expected-error @+1 {{a positive tile for each}}
func.func private @layout_c1_ranks() attributes {a = #compress.layout<order = [0, 1], tiles = [2]>}

// -----

// expected-error @+1 {{a positive tile for each}}
func.func private @layout_c1_tiles() attributes {a = #compress.layout<tiles = [0]>}

// -----

// expected-error @+1 {{expects code_bits of 0 to 7, got 8}}
func.func private @layout_c2() attributes {a = #compress.layout<code_bits = 8>}

// -----

// expected-error @+1 {{expects a block size k of at least 1, got 0}}
func.func private @fit_circulant_c1() attributes {a = #compress.fit_circulant<k = 0>}
