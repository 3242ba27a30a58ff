//===- DataPath.h - The pipeline of a nest ---------------------*- C++ -*-===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The operations of one iteration of a nest, lanes written out and sums over lanes made trees, and the stage in which
// each begins. Stage s of an iteration is the cycle s after the one in which it was issued, cycles of a stall not
// counted. A result that is used in a later stage goes through a register per stage.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_DIALECT_HLS_TRANSFORMS_DATAPATH_H
#define COMPRESS_DIALECT_HLS_TRANSFORMS_DATAPATH_H

#include "compress/Dialect/HLS/Transforms/Nest.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "llvm/ADT/APInt.h"

namespace mlir::compress::hls {

/// A place in a memory: base + sum of strides times the counts of the loops of a nest.
struct Place {
  int64_t base = 0;
  SmallVector<int64_t> strides;

  int64_t at(ArrayRef<int64_t> counts) const;
};

/// What a step keeps of its input while it goes along it. An iteration of the loops that all nests share begins when
/// `need` numbers have come, and from then on none before number `oldest` is read; both by the counts of these loops.
struct Window {
  unsigned numLoops = 0;
  Place need, oldest;
  /// Most numbers from the oldest one to the last one needed.
  int64_t span = 0;
  /// Numbers that are taken before the loops, and more in each iteration of each of them before what is inside, and
  /// behind it.
  int64_t first = 0;
  SmallVector<int64_t> steps, behind;
  /// In banks: numbers that come from one that is kept to the one that replaces it, at least; those of a sample in
  /// each bank.
  int64_t capacity = 0;
  SmallVector<int64_t> perSample;
};

/// Loads with the number that each reads of those that arrive, by the indices of the loops around it.
using KeptLoads = SmallVector<std::pair<affine::AffineLoadOp, AffineMap>>;

/// How a load of a step's input gets its number.
struct InputRead {
  /// From a stream, as number `place` of those that an iteration takes; else from bank `place`.
  bool isStream = false;
  int64_t place = 0;
  /// Where in the bank.
  Place at;
  /// Which of the inputs of the step it is.
  int64_t stream = 0;
  /// Where a constant says which place is read: where in the bank the number of each place lies; empty: at its place.
  ArrayRef<int64_t> turnOf = {};
};

/// Constants in the order in which a nest reads them: what its loads of one global read at once is one word.
struct Rom {
  memref::GlobalOp global;
  Place place;
  int64_t width = 0;
  SmallVector<APInt> words;
};

struct Node {
  enum Kind { Constant, StreamRead, BankRead, RomRead, Compute, Mask, Sum, Carry, Accumulate, Store };

  Node(Kind kind, Operation *op, int64_t lane, ArrayRef<int> in, int64_t width, unsigned level)
      : kind(kind), op(op), lane(lane), in(in), width(width), level(level) {}

  Kind kind;
  /// Of Mask and Sum: none.
  Operation *op = nullptr;
  int64_t lane = 0;
  /// Operands. BankRead: what is added to `place`, if a number says where it reads. Accumulate: what is added, what it
  /// starts from. Carry: what it starts from, what it becomes.
  SmallVector<int> in;
  int64_t width = 0;
  /// Loops of the nest that are around it.
  unsigned level = 0;
  /// Sum: operands that are subtracted. Accumulate: whether the first one is.
  bool minusA = false, minusB = false;
  /// StreamRead: which input of the step. Store: which of its outputs.
  int64_t stream = 0;
  /// StreamRead: order. BankRead: bank. RomRead: rom. Carry, Accumulate: number of the register.
  int64_t index = 0;
  /// RomRead: lowest bit in the word.
  int64_t offset = 0;
  /// BankRead: where in the bank.
  Place place;
  APInt value{1, 0};
  /// The stage in which it begins.
  int64_t start = 0;

  /// The stage in which its result is there; that of a memory is there a stage later.
  int64_t ready() const { return start + (kind == BankRead || kind == RomRead); }
};

/// Loops that carry one set of numbers.
struct CarryGroup {
  unsigned begin, end;
};

class DataPath {
public:
  /// Gives a load of the input its read.
  using ReadOf = function_ref<FailureOr<InputRead>(Operation *load, int64_t lane)>;

  static FailureOr<DataPath> get(const Nest &nest, Value input, ReadOf readOf);

  Nest nest;
  /// In an order in which operands come first.
  std::vector<Node> nodes;
  std::vector<Rom> roms;
  /// Stores in the order in which they are done: that of their places in the first iteration.
  SmallVector<int> stores;
  std::vector<CarryGroup> groups;
  /// Of a register: its group.
  SmallVector<unsigned> groupOf;
  int64_t ii = 1, depth = 1, gap = 0;
  std::string bound = "target";

  /// Chooses starts, `ii` and `depth`, with `ports` ports of each bank, `storePorts` of what it writes and one of each
  /// stream.
  void schedule(int64_t ports = 1, int64_t storePorts = 1);
  /// Writes them on operations and the anchor, or reads what is written there and fails with an error if it is no
  /// schedule: an operation that begins before an operand is there, or two accesses to one port in one cycle.
  void annotate() const;
  LogicalResult read();

  SmallVector<int> nodesOf(Node::Kind kind) const;
  /// The stores to output `output`, in the order in which they are done.
  SmallVector<int> storesTo(int64_t output) const;
  /// One more than the last output that it stores to.
  int64_t numOutputs() const;
  /// Numbers that an iteration takes of input `input`.
  int64_t readsOf(int64_t input) const;
  int64_t lastStart(Node::Kind kind) const;
  int64_t firstStart(Node::Kind kind) const;

private:
  friend class DataPathBuilder;

  LogicalResult verify() const;
  void placeDerived(int node);
  /// What follows chooses starts. Reads of ports, one after the other; returns the accesses to the port with most.
  int64_t placeAccesses(int64_t ports, int64_t storePorts);
  /// Operations, as early as operands and levels of logic allow.
  void placeOperations();
  /// Constants are read right before their first use: a place takes fewer bits to carry along than a word.
  void placeRoms();
  /// Stores follow each other without a gap: those of one iteration end before those of the next begin.
  void placeStores();
  /// A carried number is used in the stage of its first user, and is new one stage after it is computed; returns the
  /// most stages from one to the other.
  int64_t placeCarries();
};

/// True if the innermost loop of `nest` adds up what it carries: its iterations may be lanes.
bool isSum(const Nest &nest);

/// Levels of logic of a stage, and of an operation: 0 for wires.
inline constexpr int64_t kLevelsPerStage = 4;
int64_t levelsOf(const Node &node);

} // namespace mlir::compress::hls

#endif // COMPRESS_DIALECT_HLS_TRANSFORMS_DATAPATH_H
