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

// -----

// expected-error @+1 {{expects either a rank of at least 1 or an energy in (0, 1]}}
func.func private @fit_low_rank_c1() attributes {a = #compress.fit_low_rank}

// -----

// expected-error @+1 {{expects either a rank}}
func.func private @fit_low_rank_c1_both() attributes {a = #compress.fit_low_rank<rank = 2, energy = 0.5>}

// -----

// expected-error @+1 {{expects either a rank}}
func.func private @fit_low_rank_c1_share() attributes {a = #compress.fit_low_rank<energy = 1.5>}

// -----

// expected-error @+1 {{expects factors to be a scheme}}
func.func private @fit_low_rank_c2() attributes {a = #compress.fit_low_rank<rank = 2, factors = 1 : i64>}

// -----

// expected-error @+1 {{expects bits of 2 to 8, got 1}}
func.func private @fit_uniform_c1() attributes {a = #compress.fit_uniform<bits = 1>}

// -----

// expected-error @+1 {{expects a group of at least 0, got -1}}
func.func private @fit_uniform_c2() attributes {a = #compress.fit_uniform<group = -1>}

// -----

// expected-error @+1 {{expects an axis of at least -1, got -2}}
func.func private @fit_uniform_c3() attributes {a = #compress.fit_uniform<axis = -2>}

// -----

// expected-error @+1 {{expects bits of 2 to 6, got 7}}
func.func private @fit_pow2_c1() attributes {a = #compress.fit_pow2<bits = 7>}

// -----

// expected-error @+1 {{expects terms of 1 to 3, got 4}}
func.func private @fit_pow2_c2() attributes {a = #compress.fit_pow2<bits = 4, terms = 4>}

// -----

// expected-error @+1 {{expects a finite threshold of at least 0}}
func.func private @fit_ternary_c1() attributes {a = #compress.fit_ternary<threshold = -0.5>}

// -----

// expected-error @+1 {{expects axes of at least 0, got -1}}
func.func private @fit_ternary_c2() attributes {a = #compress.fit_ternary<axes = -1>}

// -----

// expected-error @+1 {{expects a sparsity in [0, 1)}}
func.func private @fit_ternary_c3() attributes {a = #compress.fit_ternary<sparsity = 1.0>}

// -----

// expected-error @+1 {{expects bits of 1 to 8, got 0}}
func.func private @fit_codebook_c1() attributes {a = #compress.fit_codebook<bits = 0>}

// -----

// expected-error @+1 {{expects a finite theta of at least 0}}
func.func private @fit_smartdeal_c1() attributes {a = #compress.fit_smartdeal<theta = -1.0>}

// -----

// expected-error @+1 {{expects iterations of at least 1, got 0}}
func.func private @fit_smartdeal_c2() attributes {a = #compress.fit_smartdeal<iterations = 0>}

// -----

// expected-error @+1 {{expects rows of at least 1, got 0}}
func.func private @fit_smartdeal_c2_rows() attributes {a = #compress.fit_smartdeal<rows = 0>}

// -----

// expected-error @+1 {{expects bits of 2 to 6, got 1}}
func.func private @fit_smartdeal_c3() attributes {a = #compress.fit_smartdeal<bits = 1>}

// -----

// expected-error @+1 {{expects basis to be a scheme}}
func.func private @fit_smartdeal_c4() attributes {a = #compress.fit_smartdeal<basis = "x">}

// -----

// expected-error @+1 {{expects a sparsity in [0, 1)}}
func.func private @fit_smartdeal_c5() attributes {a = #compress.fit_smartdeal<sparsity = -0.5>}

// -----

// expected-error @+1 {{expects share to be at least 1, and 1 without sparsity and with mask or by_row, got 0}}
func.func private @fit_smartdeal_c6() attributes {a = #compress.fit_smartdeal<share = 0>}

// -----

// expected-error @+1 {{without sparsity and with mask or by_row, got 32}}
func.func private @fit_smartdeal_c6_sparsity() attributes {a = #compress.fit_smartdeal<share = 32>}

// -----

// expected-error @+1 {{without sparsity and with mask or by_row, got 32}}
func.func private @fit_smartdeal_c6_mask() attributes {a = #compress.fit_smartdeal<sparsity = 0.5, mask = true, share = 32>}

// -----

// expected-error @+1 {{expects either bases of at least 1 or an energy in (0, 1]}}
func.func private @fit_escalate_c1() attributes {a = #compress.fit_escalate}

// -----

// expected-error @+1 {{expects coefficients to be a scheme}}
func.func private @fit_escalate_c2() attributes {a = #compress.fit_escalate<bases = 2, coefficients = 1 : i64>}

// -----

// expected-error @+1 {{expects basis to be a scheme}}
func.func private @fit_escalate_c2_basis() attributes {a = #compress.fit_escalate<bases = 2, basis = 1 : i64>}

// -----

// expected-error @+1 {{expects a finite threshold of at least 0}}
func.func private @fit_packed_c1() attributes {a = #compress.fit_packed<threshold = -1.0>}

// -----

// expected-error @+1 {{expects a vector of at least 1, got 0}}
func.func private @fit_packed_c2() attributes {a = #compress.fit_packed<vector = 0>}

// -----

// expected-error @+1 {{expects values to be a scheme}}
func.func private @fit_packed_c3() attributes {a = #compress.fit_packed<values = 1 : i64>}

// -----

// expected-error @+1 {{expects a sparsity in [0, 1)}}
func.func private @fit_packed_c4() attributes {a = #compress.fit_packed<sparsity = 2.0>}
