// A stream: a FIFO of DEPTH numbers. A number can be taken in the cycle after it is given.
module compress_stream #(parameter WIDTH = 8, DEPTH = 2, BITS = 2, PLACE = 1) (
  input clk, input rst,
  input [WIDTH-1:0] in_data, input in_valid, output in_ready,
  output [WIDTH-1:0] out_data, output [BITS-1:0] count, input take
);
  reg [WIDTH-1:0] numbers [0:DEPTH-1];
  reg [BITS-1:0] held;
  reg [PLACE-1:0] first, next;
  localparam [31:0] LAST = DEPTH - 1, ALL = DEPTH;
  wire give = in_valid & in_ready;
  assign in_ready = held != ALL[BITS-1:0];
  assign count = held;
  assign out_data = numbers[first];
  always @(posedge clk) if (give) numbers[next] <= in_data;
  always @(posedge clk)
    if (rst) begin
      held <= 0; first <= 0; next <= 0;
    end else begin
      if (give) next <= next == LAST[PLACE-1:0] ? {PLACE{1'b0}} : next + 1'b1;
      if (take) first <= first == LAST[PLACE-1:0] ? {PLACE{1'b0}} : first + 1'b1;
      if (give != take) held <= give ? held + 1'b1 : held - 1'b1;
    end
endmodule
