# For Vitis HLS 2020.2 to 2024.1: vitis_hls -f run_hls.tcl. Written after the vendor's manual; the tests of compress-mlir do
# not run it.
open_project -reset project
set_top @TOP@
add_files firmware/net.cpp
add_files -tb tb/net_tb.cpp
open_solution -reset solution
set_part @PART@
create_clock -period @PERIOD@
csim_design
csynth_design
exit
