# cmake -DPROGRAM=file -DARGUMENTS=a|b -DEMULATOR=env|X=y|wine -DEXPECTED=file -P expect.cmake
# Fails unless the program prints what EXPECTED holds; its last line is "status N".
string(REPLACE "|" ";" ARGUMENTS "${ARGUMENTS}")
string(REPLACE "|" ";" EMULATOR "${EMULATOR}")
execute_process(COMMAND ${EMULATOR} ${PROGRAM} ${ARGUMENTS} OUTPUT_VARIABLE output RESULT_VARIABLE status)
string(REPLACE "\r\n" "\n" output "${output}status ${status}\n")
file(READ ${EXPECTED} expected)
if(NOT output STREQUAL expected)
  message(FATAL_ERROR "${PROGRAM} printed\n${output}\nand not\n${expected}")
endif()
