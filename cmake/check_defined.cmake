# cmake -D NM=nm -D PROGRAM=FILE -P check_defined.cmake
#
# Fails, and removes the program, when a symbol in it is undefined.
execute_process(COMMAND ${NM} --undefined-only --demangle ${PROGRAM} OUTPUT_VARIABLE undefined COMMAND_ERROR_IS_FATAL ANY)
string(REGEX MATCHALL "[^\n]* U [^\n]*" missing "${undefined}")
list(FILTER missing EXCLUDE REGEX " __tls_get_addr$")  # named by the archives; the linker has put other code in its place
if(missing)
  file(REMOVE ${PROGRAM})
  list(JOIN missing "\n" missing)
  message(FATAL_ERROR "${PROGRAM} lacks what these name; is a room missing in the list of those it is linked of?\n${missing}")
endif()
